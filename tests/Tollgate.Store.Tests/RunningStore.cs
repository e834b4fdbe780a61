using ClickHouse.Driver;
using ClickHouse.Driver.ADO;
using Tollgate.Testing;

namespace Tollgate.Store.Tests;

/// <summary>One store for all classes of the collection, and the ways in.</summary>
public sealed class RunningStore : IAsyncLifetime
{
    private int _tables;

    public StoreProcess Process { get; private set; } = null!;

    public HttpClient Http { get; } = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromMinutes(2) };

    public ClickHouseClient Driver { get; private set; } = null!;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Process = await StoreProcess.StartAsync();
        Driver = new ClickHouseClient(new ClickHouseClientSettings($"Host={Process.Address.Host};Port={Process.Address.Port}"));
    }

    public async ValueTask DisposeAsync()
    {
        Driver.Dispose();
        Http.Dispose();
        await Process.DisposeAsync();
    }

    /// <summary>A table of its own for each test.</summary>
    public async Task<string> TableAsync(string columns)
    {
        var name = "t" + Interlocked.Increment(ref _tables);
        await Process.QueryAsync($"CREATE TABLE {name} ({columns}) ENGINE = MergeTree ORDER BY tuple()");
        return name;
    }

    /// <summary>Posts a body; the path starts with <c>/</c>.</summary>
    public async Task<(int Status, string Code, string Text)> PostAsync(string path, HttpContent body)
    {
        using var answer = await Http.PostAsync(new Uri(Process.Address, path), body, Cancelled);
        return await ReadAsync(answer);
    }

    /// <summary>Posts a statement.</summary>
    public Task<(int Status, string Code, string Text)> PostAsync(string sql) => PostAsync("/", new StringContent(sql));

    /// <summary>Status, error number and text of an answer.</summary>
    public static async Task<(int Status, string Code, string Text)> ReadAsync(HttpResponseMessage answer) =>
        ((int)answer.StatusCode,
            answer.Headers.TryGetValues("X-ClickHouse-Exception-Code", out var codes) ? codes.Single() : "",
            await answer.Content.ReadAsStringAsync(Cancelled));
}

[CollectionDefinition]
public sealed class RunningStoreCollection : ICollectionFixture<RunningStore>;
