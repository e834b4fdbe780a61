using Tollgate.Store.Engine;

namespace Tollgate.Store.Http;

/// <summary>The ClickHouse HTTP interface: one statement a request.</summary>
internal sealed class QueryEndpoint(EmbeddedEngine engine)
{
    private const int DataBytes = 256 * 1024;
    private const string ValuesFormat = "Values";

    private readonly StatementPolicy _policy = new(engine.Names);

    /// <summary>Serves one request; the terminal middleware.</summary>
    public async Task InvokeAsync(HttpContext http)
    {
        if (LoopbackGuard.Refusal(http.Request) is { } refusal)
        {
            http.Response.StatusCode = StatusCodes.Status403Forbidden;
            await http.Response.WriteAsync(refusal + "\n");
            return;
        }

        var method = http.Request.Method;
        var isRead = HttpMethods.IsGet(method) || HttpMethods.IsHead(method);
        if (isRead && (http.Request.Path.Value is "/ping" or "/replicas_status" || (http.Request.Path.Value is "/" && !http.Request.Query.ContainsKey("query"))))
        {
            http.Response.ContentType = "text/html; charset=UTF-8";
            await http.Response.WriteAsync("Ok.\n");
            return;
        }

        await using var answer = new Answer(http, engine);
        try
        {
            if (!isRead && !HttpMethods.IsPost(method))
            {
                throw EngineException.Make(ErrorCodes.NotImplemented, "NOT_IMPLEMENTED", $"The method {method} is not supported; use GET or POST.");
            }

            var request = await StoreRequest.ReadAsync(http.Request, http.RequestAborted);
            answer.QueryId = request.QueryId;
            foreach (var setting in request.Settings.Keys)
            {
                StatementPolicy.CheckSetting(setting);
            }

            await using var body = BodyCoding.Decode(
                request.FormText is null ? http.Request.Body : Stream.Null, http.Request.Headers.ContentEncoding.ToString().Trim().ToLowerInvariant());
            var text = request.FormText is null ? request.UrlText : JoinText(request.UrlText, request.FormText);
            isRead |= request.IsReadOnly;
            var source = await StatementSource.ReadAsync(text, body, http.RequestAborted);
            StatementPolicy.CheckRequest(source.Sql, request.Parameters, request.Settings.Keys);
            if (source.Insert is { } insert)
            {
                await InsertAsync(http, request, answer, source, insert, isRead);
            }
            else
            {
                await QueryAsync(http, request, answer, source.Sql, isRead);
            }
        }
        catch (EngineException error)
        {
            await answer.FailAsync(error);
        }
        catch (Exception damaged) when (damaged is InvalidDataException or InvalidOperationException or ZstdSharp.ZstdException or IOException && !http.RequestAborted.IsCancellationRequested)
        {
            await answer.FailAsync(EngineException.Make(ErrorCodes.CannotReadAllData, "CANNOT_READ_ALL_DATA", $"The request's body is damaged or broke off: {damaged.Message}"));
        }
        catch (Exception) when (http.RequestAborted.IsCancellationRequested)
        {
            // Nobody is there to be told; an open insert was cancelled, a running read killed.
        }
    }

    private static string JoinText(string url, string form) => url.Length == 0 ? form : $"{url}\n{form}";

    private async Task InsertAsync(HttpContext http, StoreRequest request, Answer answer, StatementSource source, InsertStatement insert, bool isRead)
    {
        if (isRead)
        {
            throw EngineException.Make(ErrorCodes.Readonly, "READONLY", "Cannot execute query in readonly mode: use POST, without the setting readonly.");
        }

        _policy.Check(source.Sql);
        StatementPolicy.CheckIdentifiers(source.Sql, request.Parameters);
        if ((insert.Format ?? ValuesFormat).Equals(ValuesFormat, StringComparison.OrdinalIgnoreCase))
        {
            _policy.Check(await source.ReadValuesAsync(http.RequestAborted));
        }

        using var lease = await engine.Inserts.TakeAsync(http.RequestAborted);
        try
        {
            await SendDataAsync(http, request, answer, source, insert, lease.Connection);
        }
        catch
        {
            await lease.Connection.LetGoAsync();
            throw;
        }
    }

    private async Task SendDataAsync(
        HttpContext http, StoreRequest request, Answer answer, StatementSource source, InsertStatement insert, EngineConnection connection)
    {
        await connection.State.ApplyAsync(connection, request.Database, request.Settings, engine.Settings);
        await using var stream = await connection.InsertAsync(new StatementText(source.Sql, insert.Format ?? ValuesFormat, request.Parameters));
        if (!source.DataHead.IsEmpty)
        {
            await stream.AppendAsync(source.DataHead);
        }

        var buffer = new byte[DataBytes];
        for (int read; (read = await source.Rest.ReadAtLeastAsync(buffer, DataBytes, throwOnEndOfStream: false, http.RequestAborted)) > 0;)
        {
            await stream.AppendAsync(buffer.AsMemory(0, read));
        }

        // Only a body that came to its proper end gets here; one that broke off has thrown, and leaving the stream cancels the insert.
        http.RequestAborted.ThrowIfCancellationRequested();
        var counts = await stream.DoneAsync();
        answer.Begin("text/plain; charset=UTF-8", request.DefaultFormat, coding: string.Empty, counts);
    }

    private async Task QueryAsync(HttpContext http, StoreRequest request, Answer answer, string sql, bool isRead)
    {
        _policy.Check(sql);
        StatementPolicy.CheckIdentifiers(sql, request.Parameters);
        var analysis = await ClassifyAsync(sql, http.RequestAborted);
        Allow(sql, analysis);
        var isQuery = analysis.Class is QueryClass.ReadOnly or QueryClass.Unknown;
        using var lease = await (isRead || isQuery ? engine.ReadOnly : engine.General).TakeAsync(http.RequestAborted);
        var connection = lease.Connection;
        await connection.State.ApplyAsync(connection, request.Database, request.Settings, engine.Settings);

        // The tag finds the statement among those that run; the client's own query_id could be anybody's.
        var tag = $"/* tollgate-store {Guid.NewGuid():N} */";
        var statement = new StatementText($"{sql.TrimEnd(' ', '\t', '\r', '\n', ';')}\n{tag}", request.DefaultFormat, request.Parameters);
        var format = AnswerFormat.Of(sql, request.DefaultFormat);
        await using var killer = http.RequestAborted.UnsafeRegister(
            static state => _ = (((EmbeddedEngine Engine, string Tag))state!).Engine.KillAsync(((ValueTuple<EmbeddedEngine, string>)state).Item2), (engine, tag));
        if (isQuery && Streams(sql) && (format.Concatenates || format.RepeatsHeader))
        {
            try
            {
                await StreamAsync(http, request, answer, connection, statement, format);
            }
            catch
            {
                await connection.LetGoAsync();
                throw;
            }

            return;
        }

        using var result = await connection.QueryAsync(statement);
        var contentType = isQuery ? format.ContentType : "text/plain; charset=UTF-8";
        answer.Begin(contentType, format.Name, result.Length > 0 ? request.Coding : string.Empty, result.Counts);
        await answer.WriteAsync(result.ToArray(), http.RequestAborted);
    }

    private static async Task StreamAsync(
        HttpContext http, StoreRequest request, Answer answer, EngineConnection connection, StatementText statement, AnswerFormat format)
    {
        await using var stream = await connection.StreamAsync(statement);
        var isFirst = true;
        while (await stream.FetchAsync() is { } piece)
        {
            using (piece)
            {
                if (isFirst)
                {
                    answer.Begin(format.ContentType, format.Name, request.Coding, piece.Counts);
                }

                var bytes = piece.ToArray();
                var skip = format.RepeatsHeader && !isFirst ? AnswerFormat.HeaderLength(bytes) : 0;
                isFirst = false;
                await answer.WriteAsync(bytes.AsMemory(skip), http.RequestAborted);
            }
        }

        if (isFirst)
        {
            await WriteEmptyAsync(http, request, answer, connection, statement, format);
        }
    }

    /// <summary>An answer without rows: a stream of it has no piece at all, but names and types must be sent.</summary>
    private static async Task WriteEmptyAsync(
        HttpContext http, StoreRequest request, Answer answer, EngineConnection connection, StatementText statement, AnswerFormat format)
    {
        if (!format.RepeatsHeader)
        {
            answer.Begin(format.ContentType, format.Name, coding: string.Empty, default);
            return;
        }

        using var result = await connection.QueryAsync(statement);
        answer.Begin(format.ContentType, format.Name, request.Coding, result.Counts);
        await answer.WriteAsync(result.ToArray(), http.RequestAborted);
    }

    private async Task<QueryAnalysis> ClassifyAsync(string sql, CancellationToken cancellationToken)
    {
        using var lease = await engine.Admin.TakeAsync(cancellationToken);
        return await lease.Connection.ClassifyAsync(sql);
    }

    private static void Allow(string sql, QueryAnalysis analysis)
    {
        if (analysis.StatementCount > 1)
        {
            throw EngineException.Make(ErrorCodes.SyntaxError, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed): send one statement a request.");
        }

        // What doesn't parse runs on a read-only connection, only to hear what is wrong with it.
        var first = SqlScanner.All(sql)[0];
        var isAllowed = analysis.Class is QueryClass.ReadOnly or QueryClass.Mutating or QueryClass.Unknown
            || (analysis.Class == QueryClass.Control && (first.Is(sql, "KILL") || first.Is(sql, "SYSTEM") || first.Is(sql, "ATTACH")));
        if (!isAllowed)
        {
            throw EngineException.Make(ErrorCodes.AccessDenied, "ACCESS_DENIED", $"This store does not allow {first.Value(sql).ToUpperInvariant()} here.");
        }
    }

    /// <summary>The engine fetches in pieces only what begins with SELECT or WITH.</summary>
    private static bool Streams(string sql) => SqlScanner.All(sql) is [var first, ..] && (first.Is(sql, "SELECT") || first.Is(sql, "WITH"));
}
