using System.Collections.Concurrent;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Tollgate.Tests.Cli;

/// <summary>Takes statements as ClickHouse does over HTTP, runs none of them, and says that no migration has been applied.</summary>
internal sealed class StoreOfAnswers : IAsyncDisposable
{
    // RowBinaryWithNamesAndTypes of no rows: two columns, their names, their types, each with its length before it.
    private static readonly byte[] NoRecords = [2, 7, .. "version"u8, 13, .. "hex(checksum)"u8, 6, .. "UInt32"u8, 6, .. "String"u8];

    private readonly WebApplication _server;

    private StoreOfAnswers(WebApplication server) => _server = server;

    /// <summary>Everything it was asked, in order.</summary>
    public ConcurrentQueue<string> Statements { get; } = new();

    /// <summary>Its address.</summary>
    public string Address => _server.Urls.First();

    /// <summary>Starts one on a free port.</summary>
    /// <param name="refusal">What it answers to everything: ClickHouse's error code and text; null to take everything.</param>
    public static async Task<StoreOfAnswers> StartAsync((int Code, string Text)? refusal = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var store = new StoreOfAnswers(builder.Build());
        store._server.Run(http => store.AnswerAsync(http, refusal));
        await store._server.StartAsync();
        return store;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task AnswerAsync(HttpContext http, (int Code, string Text)? refusal)
    {
        using var body = new StreamReader(http.Request.Body);
        var sql = http.Request.Query["query"] + await body.ReadToEndAsync();
        Statements.Enqueue(sql);
        if (refusal is { } refused)
        {
            http.Response.StatusCode = StatusCodes.Status500InternalServerError;
            http.Response.Headers["X-ClickHouse-Exception-Code"] = refused.Code.ToString(System.Globalization.CultureInfo.InvariantCulture);
            await http.Response.WriteAsync($"Code: {refused.Code}. DB::Exception: {refused.Text}");
        }
        else if (sql.Contains("GROUP BY version, checksum", StringComparison.Ordinal))
        {
            await http.Response.Body.WriteAsync(NoRecords);
        }
    }
}
