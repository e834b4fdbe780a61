using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;

namespace Tollgate.Proxy.Tests.Recording;

/// <summary>A clock that a test moves, and that tells the test when somebody has begun to wait, so that no test moves it too early.</summary>
internal sealed class WatchedTime : FakeTimeProvider
{
    private readonly Channel<TimeSpan> _waits = Channel.CreateUnbounded<TimeSpan>();

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        _waits.Writer.TryWrite(dueTime);
        return timer;
    }

    /// <summary>How long the next wait is, once it has begun.</summary>
    public async Task<TimeSpan> NextWaitAsync() => await _waits.Reader.ReadAsync(TestContext.Current.CancellationToken);

    /// <summary>Waits for the next wait to begin, and passes all of it.</summary>
    public async Task<TimeSpan> PassNextWaitAsync()
    {
        var due = await NextWaitAsync();
        Advance(due);
        return due;
    }
}
