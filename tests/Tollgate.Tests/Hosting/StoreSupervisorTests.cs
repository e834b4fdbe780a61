using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Tollgate.Hosting;

namespace Tollgate.Tests.Hosting;

public sealed class StoreSupervisorTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private readonly FakeTimeProvider _time = new();
    private readonly FakeSystem _system = new();

    public void Dispose() => _system.Dispose();

    [Fact]
    public void Pauses_double_up_to_ten_seconds_and_begin_anew_after_half_a_minute_of_health()
    {
        var schedule = new RestartSchedule();
        double[] pauses = [.. Enumerable.Range(0, 8).Select(_ => schedule.Next(TimeSpan.Zero).TotalSeconds)];
        Assert.Equal([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10], pauses);
        Assert.Equal(10, schedule.Next(TimeSpan.FromSeconds(29)).TotalSeconds);
        Assert.Equal(0.2, schedule.Next(TimeSpan.FromSeconds(30)).TotalSeconds);
    }

    [Fact]
    public async Task A_store_that_answers_is_ready_and_is_asked_to_end_at_shutdown()
    {
        _system.Answers = true;
        using var supervisor = await StartAsync();
        await supervisor.WaitUntilReadyAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal(StoreState.Ready, supervisor.State);
        await supervisor.StopAsync(CancellationToken.None).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal(StoreState.Stopped, supervisor.State);
        Assert.Equal((1, 0), (_system.Last.Terminated, _system.Last.Killed));
    }

    [Fact]
    public async Task A_store_that_ends_is_started_again()
    {
        _system.Answers = true;
        using var supervisor = await StartAsync();
        await supervisor.WaitUntilReadyAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        _system.Last.End(139);
        await AdvanceUntil(() => _system.Started == 2 && supervisor.State == StoreState.Ready);
        Assert.Equal(1, supervisor.Restarts);
        await supervisor.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_ready_store_that_answers_no_more_is_stopped_and_started_again()
    {
        _system.Answers = true;
        using var supervisor = await StartAsync();
        await supervisor.WaitUntilReadyAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        var hung = _system.Last;
        _system.Answers = false;
        await AdvanceUntil(() => _system.Started == 2);
        Assert.Equal(1, hung.Terminated);
        Assert.NotEqual(StoreState.Ready, supervisor.State);
        await supervisor.StopAsync(CancellationToken.None);
    }

    [Fact]
    public async Task A_store_that_will_not_end_is_killed_after_ten_seconds()
    {
        _system.Answers = true;
        _system.IgnoresTerminate = true;
        using var supervisor = await StartAsync();
        await supervisor.WaitUntilReadyAsync(TestContext.Current.CancellationToken).WaitAsync(Patience, TestContext.Current.CancellationToken);
        var stop = supervisor.StopAsync(CancellationToken.None);
        var begun = _time.GetTimestamp();
        await AdvanceUntil(() => stop.IsCompleted);
        Assert.Equal(1, _system.Last.Killed);
        Assert.True(_time.GetElapsedTime(begun) >= StoreSupervisor.StopTimeout);
    }

    [Fact]
    public async Task An_address_that_somebody_else_serves_is_an_error_that_names_it()
    {
        _system.Taken = true;
        using var supervisor = await StartAsync();
        var ready = supervisor.WaitUntilReadyAsync(TestContext.Current.CancellationToken);
        await AdvanceUntil(() => ready.IsCompleted);
        var exception = await Assert.ThrowsAsync<StoreUnavailableException>(() => ready);
        Assert.Contains("http://127.0.0.1:8123", exception.Message, StringComparison.Ordinal);
        Assert.Contains("storage.listen", exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, _system.Started);
    }

    [Fact]
    public void A_missing_executable_names_the_places_looked_at() =>
        Assert.Contains("neither in", Assert.Throws<StoreUnavailableException>(() => StoreExecutable.Find(Path.GetTempPath())).Message, StringComparison.Ordinal);

    private async Task<StoreSupervisor> StartAsync()
    {
        var supervisor = new StoreSupervisor(_system, "http://127.0.0.1:8123", _time, NullLogger<StoreSupervisor>.Instance);
        await supervisor.StartAsync(CancellationToken.None);
        return supervisor;
    }

    /// <summary>Lets fake time pass, and the loop run between, until <paramref name="reached"/>; fails after <see cref="Patience"/> of real time.</summary>
    private async Task AdvanceUntil(Func<bool> reached)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!reached())
        {
            patience.Token.ThrowIfCancellationRequested();
            _time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Yield();
        }
    }

    private sealed class FakeSystem : IStoreSystem, IDisposable
    {
        private volatile FakeProcess? _last;
        private int _started;

        public bool Answers { get; set; }

        public bool Taken { get; set; }

        public bool IgnoresTerminate { get; set; }

        public int Started => Volatile.Read(ref _started);

        public FakeProcess Last => _last!;

        public void Dispose() => _last?.Dispose();

        public IStoreProcess Start()
        {
            _last = new FakeProcess(IgnoresTerminate);
            Interlocked.Increment(ref _started);
            return _last;
        }

        public Task<bool> PingAsync(CancellationToken cancellation) => Task.FromResult(Answers);

        public Task<bool> IsAddressTakenAsync(CancellationToken cancellation) => Task.FromResult(Taken);
    }

    private sealed class FakeProcess(bool ignoresTerminate) : IStoreProcess
    {
        private readonly TaskCompletionSource<int> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int Id => 4711;

        public Task<int> Exited => _exited.Task;

        public int Terminated { get; private set; }

        public int Killed { get; private set; }

        public void End(int code) => _exited.TrySetResult(code);

        public void Terminate()
        {
            Terminated++;
            if (!ignoresTerminate)
            {
                End(0);
            }
        }

        public void Kill()
        {
            Killed++;
            End(137);
        }

        public void Dispose()
        {
        }
    }
}
