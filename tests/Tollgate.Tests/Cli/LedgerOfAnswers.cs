using System.Buffers.Binary;
using System.Globalization;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Tollgate.Tests.Cli;

/// <summary>Takes inserts of single rows as ClickHouse does over HTTP, and says which rows it has; refuses as it is told.</summary>
internal sealed class LedgerOfAnswers : IAsyncDisposable
{
    // RowBinaryWithNamesAndTypes: two columns, their names, their types, each with its length before it.
    private static readonly byte[] Head = [2, 7, .. "wal_seq"u8, 15, .. "any(attempt_id)"u8, 6, .. "UInt64"u8, 4, .. "UUID"u8];

    private readonly WebApplication _server;

    private LedgerOfAnswers(WebApplication server) => _server = server;

    /// <summary>What it answers to an insert: ClickHouse's error code and text; null to take it.</summary>
    public (int Code, string Text)? Refusal { get; set; }

    /// <summary>Says that it took a row, and forgets it.</summary>
    public bool IsForgetful { get; set; }

    /// <summary>The attempts it has, sixteen bytes each, by number.</summary>
    public Dictionary<ulong, byte[]> Rows { get; } = [];

    /// <summary>Tokens of the inserts.</summary>
    public List<string> Tokens { get; } = [];

    public string Address => _server.Urls.First();

    public static async Task<LedgerOfAnswers> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var store = new LedgerOfAnswers(builder.Build());
        store._server.Run(store.AnswerAsync);
        await store._server.StartAsync();
        return store;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task AnswerAsync(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        if (http.Request.Query["query"].ToString().StartsWith("INSERT INTO tollgate.requests", StringComparison.Ordinal))
        {
            Tokens.Add(http.Request.Query["insert_deduplication_token"].ToString());
            if (Refusal is { } refused)
            {
                http.Response.StatusCode = StatusCodes.Status500InternalServerError;
                http.Response.Headers["X-ClickHouse-Exception-Code"] = refused.Code.ToString(CultureInfo.InvariantCulture);
                await http.Response.WriteAsync($"Code: {refused.Code}. DB::Exception: {refused.Text}");
            }
            else if (!IsForgetful)
            {
                var row = body.ToArray();
                Rows[BinaryPrimitives.ReadUInt64LittleEndian(row)] = row[8..24];
            }

            return;
        }

        var wanted = ulong.Parse(http.Request.Query["param_first"].ToString(), CultureInfo.InvariantCulture);
        await http.Response.Body.WriteAsync(Head);
        if (Rows.TryGetValue(wanted, out var attempt))
        {
            var number = new byte[sizeof(ulong)];
            BinaryPrimitives.WriteUInt64LittleEndian(number, wanted);
            await http.Response.Body.WriteAsync(number);
            await http.Response.Body.WriteAsync(attempt);
        }
    }
}
