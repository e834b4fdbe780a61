using Microsoft.Extensions.Logging;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Control.Tests;

/// <summary>The watch over a store in a file.</summary>
public sealed class SqliteControlWatchTests : ControlWatchTests
{
    protected override Task<StoreUnderTest> CreateAsync() => Task.FromResult<StoreUnderTest>(new SqliteUnderTest());
}

/// <summary>The watch over a store in PostgreSQL.</summary>
public sealed class PostgresControlWatchTests(PostgresServer server) : ControlWatchTests
{
    protected override async Task<StoreUnderTest> CreateAsync() => new PostgresUnderTest(server, await server.CreateDatabaseAsync());
}

/// <summary>When a change is in force.</summary>
public abstract class ControlWatchTests : IAsyncLifetime
{
    private readonly List<ControlData> _applied = [];
    private readonly CountingLogger _log = new();
    private StoreUnderTest _database = null!;
    private ControlStore _store = null!;
    private ControlWatch _watch = null!;
    private Exception? _refusal;

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _database = await CreateAsync();
        _store = await _database.OpenAsync();
        _watch = new ControlWatch(_store, Apply, _database.Time, _log);
    }

    public async ValueTask DisposeAsync()
    {
        await _watch.StopAsync(Cancelled);
        _watch.Dispose();
        await _database.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected abstract Task<StoreUnderTest> CreateAsync();

    [Fact]
    public async Task What_is_stored_is_in_force_when_the_start_is_over()
    {
        await _store.CreateAsync(Samples.Key("abcd"), Samples.Operator, Cancelled);
        await _watch.StartAsync(Cancelled);
        Assert.Equal("abcd", Assert.Single(Assert.Single(_applied).Keys).Id);
        Assert.Equal(1, _watch.AppliedVersion);
    }

    [Fact]
    public async Task A_change_of_this_process_is_in_force_when_the_call_returns()
    {
        await _watch.StartAsync(Cancelled);
        await _store.CreateAsync(Samples.Key("abcd"), Samples.Operator, Cancelled);
        Assert.Equal("abcd", Assert.Single(_applied[^1].Keys).Id);
        await _store.DeleteAsync<KeyOptions>("abcd", null, Samples.Operator, Cancelled);
        Assert.Empty(_applied[^1].Keys);

        // The file's objects too, although the store need not hear of them again.
        await _store.SetDeclaredAsync(new TollgateOptions { Keys = [Samples.Key("efgh")] }, Cancelled);
        Assert.Equal("efgh", Assert.Single(_applied[^1].Keys).Id);
        await _store.SetDeclaredAsync(new TollgateOptions(), Cancelled);
        Assert.Empty(_applied[^1].Keys);
    }

    [Fact]
    public async Task A_change_of_another_process_is_in_force_within_a_second()
    {
        await _watch.StartAsync(Cancelled);
        var other = await _database.OpenAsync();
        await other.CreateAsync(Samples.Key("abcd"), Samples.Operator, Cancelled);
        Assert.Single(_applied);

        // By the clock that the watch is given; how long the look itself takes is the database's, and waited for.
        _database.Time.Advance(ControlWatch.PollInterval);
        Assert.True(ControlWatch.PollInterval < TimeSpan.FromSeconds(1));
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (_watch.AppliedVersion < 1)
        {
            await Task.Delay(5, late.Token);
        }

        Assert.Equal("abcd", Assert.Single(_applied[^1].Keys).Id);
    }

    [Fact]
    public async Task A_look_that_finds_nothing_new_reads_nothing()
    {
        await _watch.StartAsync(Cancelled);
        Assert.True(await _watch.PollAsync(Cancelled));
        Assert.True(await _watch.PollAsync(Cancelled));
        Assert.Single(_applied);
    }

    [Fact]
    public async Task What_could_not_be_applied_is_tried_again_and_said_once()
    {
        await _watch.StartAsync(Cancelled);
        _refusal = new InvalidOperationException("not now");
        await _store.CreateAsync(Samples.Key("abcd"), Samples.Operator, Cancelled); // Committed all the same.
        Assert.False(await _watch.PollAsync(Cancelled));
        Assert.False(await _watch.PollAsync(Cancelled));
        Assert.Equal(0, _watch.AppliedVersion);
        Assert.Equal((1, 0), (_log.Count(8401), _log.Count(8402)));

        _refusal = null;
        Assert.True(await _watch.PollAsync(Cancelled));
        Assert.Equal("abcd", Assert.Single(_applied[^1].Keys).Id);
        Assert.Equal((1, 1), (_log.Count(8401), _log.Count(8402)));
    }

    [Fact]
    public async Task What_the_file_declares_is_in_force_while_the_store_is_away_and_noted_when_it_is_back()
    {
        await _store.CreateAsync(Samples.Key("abcd"), Samples.Operator, Cancelled);
        await _store.SetDeclaredAsync(new TollgateOptions { Keys = [Samples.Key("efgh")] }, Cancelled);
        await _watch.StartAsync(Cancelled);
        await _database.ExecuteAsync("ALTER TABLE store RENAME TO away");
        await Assert.ThrowsAsync<ControlUnavailableException>(() => _store.CreateAsync(Samples.Key("ijkl"), Samples.Operator, Cancelled));

        await _store.SetDeclaredAsync(new TollgateOptions { Keys = [Samples.Key("efgh") with { Disabled = true }] }, Cancelled);
        var applied = _applied.Count;
        Assert.False(await _watch.PollAsync(Cancelled));
        Assert.Equal(applied, _applied.Count);
        Assert.Equal([("abcd", false), ("efgh", true)], _applied[^1].Keys.Select(static key => (key.Id, key.Disabled)));
        Assert.Equal(1, _log.Count(8401));

        await _database.ExecuteAsync("ALTER TABLE away RENAME TO store");
        Assert.True(await _watch.PollAsync(Cancelled));
        Assert.Equal([("abcd", false), ("efgh", true)], _applied[^1].Keys.Select(static key => (key.Id, key.Disabled)));
        var noted = (await _store.AuditAsync(new AuditQuery { Limit = 1 }, Cancelled)).Items[0];
        Assert.Equal(("efgh", AuditActions.Replace, Actor.Configuration), (noted.ObjectId, noted.Action, noted.Actor));
        Assert.Equal(_watch.AppliedVersion, await _store.VersionAsync(Cancelled));
    }

    [Fact]
    public async Task Many_changes_at_once_are_each_in_force_when_their_call_returns()
    {
        await _watch.StartAsync(Cancelled);
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(async () =>
        {
            var created = await _store.CreateAsync(new TeamOptions { Id = $"t{i}" }, Samples.Operator, Cancelled);
            Assert.True(_watch.AppliedVersion >= created.Revision);
        })));
        Assert.Equal(40, _applied[^1].Teams.Count);
        Assert.Equal(_applied.Select(static data => data.Revision).Order(), _applied.Select(static data => data.Revision));
    }

    private Task Apply(ControlData data, CancellationToken cancellation)
    {
        if (_refusal is not null)
        {
            throw _refusal;
        }

        _applied.Add(data);
        return Task.CompletedTask;
    }

    private sealed class CountingLogger : ILogger<ControlWatch>
    {
        private readonly List<int> _events = [];

        public int Count(int id) => _events.Count(logged => logged == id);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => _events.Add(eventId.Id);
    }
}
