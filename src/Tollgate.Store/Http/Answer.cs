using System.Globalization;
using System.Text;
using Tollgate.Store.Engine;

namespace Tollgate.Store.Http;

/// <summary>Writes one answer: head, pieces, end; or an error, before the head or in the middle.</summary>
/// <param name="http">The request's context.</param>
/// <param name="engine">Whose version and time zone the head names.</param>
internal sealed class Answer(HttpContext http, EmbeddedEngine engine) : IAsyncDisposable
{
    // Tells an exception block in the middle of an answer from data that looks like one; new for every answer.
    private readonly string _exceptionTag = Guid.NewGuid().ToString("N")[..16];
    private readonly long _startedAt = TimeProvider.System.GetTimestamp();
    private Stream? _body;

    /// <summary>The id that the answer carries.</summary>
    public string QueryId { get; set; } = string.Empty;

    /// <summary>Sends the head. Nothing can change the status after this.</summary>
    public void Begin(string contentType, string format, string coding, EngineCounts counts)
    {
        WriteCommonHead();
        http.Response.ContentType = contentType;
        http.Response.Headers["X-ClickHouse-Format"] = format;
        http.Response.Headers["X-ClickHouse-Summary"] = Summary(counts);
        if (coding.Length > 0)
        {
            http.Response.Headers.ContentEncoding = coding;
            _body = BodyCoding.Encode(http.Response.Body, coding);
        }
        else
        {
            _body = http.Response.Body;
        }
    }

    /// <summary>Sends a piece of the body.</summary>
    public async Task WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) => await _body!.WriteAsync(bytes, cancellationToken);

    /// <summary>Sends an error: with its status when nothing was sent yet, else as an exception block and a broken end.</summary>
    /// <remarks>Source: the exception block of ClickHouse 26's HTTP answers.</remarks>
    public async Task FailAsync(EngineException error)
    {
        var text = $"{error.Message} (version {engine.Version} (official build))\n";
        if (!http.Response.HasStarted)
        {
            http.Response.Clear();
            WriteCommonHead();
            http.Response.StatusCode = ErrorStatus.Of(error.Code);
            http.Response.ContentType = "text/plain; charset=UTF-8";
            http.Response.Headers["X-ClickHouse-Exception-Code"] = error.Code.ToString(CultureInfo.InvariantCulture);
            if (http.Response.StatusCode == StatusCodes.Status401Unauthorized)
            {
                http.Response.Headers.WWWAuthenticate = "Basic realm=\"ClickHouse server HTTP API\"";
            }

            _body = null;
            await http.Response.WriteAsync(text, http.RequestAborted);
            return;
        }

        var message = Encoding.UTF8.GetBytes(text);
        await _body!.WriteAsync(Encoding.UTF8.GetBytes($"\r\n__exception__\r\n{_exceptionTag}\r\n"), http.RequestAborted);
        await _body.WriteAsync(message, http.RequestAborted);
        await _body.WriteAsync(
            Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{message.Length} {_exceptionTag}\r\n__exception__\r\n")), http.RequestAborted);
        await DisposeAsync();

        // Kestrel sends what it has and closes without the last chunk, as a server does: no client may take this answer for whole.
        throw error;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_body is not null && _body != http.Response.Body)
        {
            await _body.DisposeAsync();
        }

        _body = null;
    }

    private void WriteCommonHead()
    {
        var headers = http.Response.Headers;
        headers["X-ClickHouse-Query-Id"] = QueryId;
        headers["X-ClickHouse-Timezone"] = engine.Timezone;
        headers["X-ClickHouse-Server-Display-Name"] = "tollgate-store";
        headers["X-ClickHouse-Exception-Tag"] = _exceptionTag;
    }

    private string Summary(EngineCounts counts)
    {
        var elapsed = (long)TimeProvider.System.GetElapsedTime(_startedAt).TotalNanoseconds;
        return string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"read_rows":"{{counts.ReadRows}}","read_bytes":"{{counts.ReadBytes}}","written_rows":"{{counts.WrittenRows}}","written_bytes":"{{counts.WrittenBytes}}","total_rows_to_read":"0","result_rows":"{{counts.ResultRows}}","result_bytes":"{{counts.ResultBytes}}","elapsed_ns":"{{elapsed}}","memory_usage":"0"}""");
    }
}
