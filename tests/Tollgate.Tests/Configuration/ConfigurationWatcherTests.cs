using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Tollgate.Configuration;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Tests.Configuration;

public sealed class ConfigurationWatcherTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("tollgate-watch").FullName;
    private readonly FakeTimeProvider _time = new();
    private readonly Lines _log = new();
    private readonly ConcurrentQueue<TollgateOptions> _applied = new();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_changed_file_is_applied()
    {
        Write("""{"requireKey": false}""");
        using var watcher = Watcher(_applied.Enqueue);
        await watcher.StartAsync(TestContext.Current.CancellationToken);
        Write("""{"proxy": {"clientStallTimeout": "00:00:07"}}""");
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (_applied.IsEmpty)
        {
            patience.Token.ThrowIfCancellationRequested();
            _time.Advance(ConfigurationWatcher.PollInterval);
            await Task.Yield();
        }

        Assert.Equal(TimeSpan.FromSeconds(7), Assert.Single(_applied).Proxy.ClientStallTimeout);
        await watcher.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_bad_file_keeps_the_old_configuration_and_every_problem_is_logged()
    {
        Write("{}");
        using var watcher = Watcher(_applied.Enqueue);
        Write("""{"a": 1, "b": 2}""");
        Assert.False(await watcher.ReloadAsync(TestContext.Current.CancellationToken));
        Assert.Empty(_applied);
        Assert.Contains(_log.Written, line => line.StartsWith("a: ", StringComparison.Ordinal));
        Assert.Contains(_log.Written, line => line.StartsWith("b: ", StringComparison.Ordinal));
        Assert.Contains(_log.Written, line => line.Contains("has 2 problems; the old one stays", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Keys_that_wait_for_a_restart_are_named_and_the_others_applied()
    {
        Write("{}");
        using var watcher = Watcher(_applied.Enqueue);
        Write("""{"proxy": {"listen": ["http://127.0.0.1:9000"], "clientStallTimeout": "00:00:07"}, "storage": {"mode": "none"}}""");
        Assert.True(await watcher.ReloadAsync(TestContext.Current.CancellationToken));
        Assert.Single(_applied);
        Assert.Contains(_log.Written, line => line.EndsWith("restart: proxy.listen[0], storage.mode", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Options_that_can_not_be_applied_leave_the_old_ones_in_force()
    {
        Write("{}");
        using var watcher = Watcher(_ => throw new FormatException("line 3 of the price file"));
        Assert.False(await watcher.ReloadAsync(TestContext.Current.CancellationToken));
        Assert.Contains(_log.Written, line => line.Contains("line 3 of the price file", StringComparison.Ordinal));
    }

    private ConfigurationWatcher Watcher(Action<TollgateOptions> apply)
    {
        var loader = new ConfigurationLoader(new Dictionary<string, string>(), _directory);
        return new ConfigurationWatcher(loader, loader.Load(null), ApplyAsync, _time, _log);

        Task ApplyAsync(TollgateOptions options, CancellationToken cancellation)
        {
            apply(options);
            return Task.CompletedTask;
        }
    }

    private void Write(string json) => File.WriteAllText(Path.Combine(_directory, ConfigurationLoader.DefaultFile), json);

    private sealed class Lines : ILogger<ConfigurationWatcher>
    {
        public ConcurrentQueue<string> Written { get; } = new();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Written.Enqueue(formatter(state, exception));
    }
}
