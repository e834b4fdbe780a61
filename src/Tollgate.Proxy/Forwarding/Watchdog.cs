namespace Tollgate.Proxy.Forwarding;

/// <summary>The step that a request is waiting in.</summary>
public enum WatchedStep
{
    /// <summary>None: nobody is being waited for, or the client is sending.</summary>
    None,

    /// <summary>The upstream is taking the request.</summary>
    UpstreamWrite,

    /// <summary>The upstream is thinking.</summary>
    UpstreamHead,

    /// <summary>The upstream is answering.</summary>
    UpstreamBody,

    /// <summary>The client is taking the answer.</summary>
    ClientFlush,
}

/// <summary>Cancels a request whose present step takes too long, and remembers which step it was.</summary>
/// <remarks>
/// One timer serves the whole request. Arming only moves the deadline; the timer is touched when the new deadline comes before the one it is
/// set for, and when it fires early it sets itself for what is left. So a stream of many frames costs a lock and a store per frame.
/// </remarks>
public sealed class Watchdog : IDisposable
{
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _cancel;
    private readonly Lock _lock = new();
    private readonly ITimer _timer;

    // Guarded by _lock. Timestamps of _time; 0 means none.
    private long _deadline;
    private long _timerDue;
    private WatchedStep _step;

    /// <summary>Watches one request; its token fires also when <paramref name="clientGone"/> does.</summary>
    public Watchdog(TimeProvider time, CancellationToken clientGone)
    {
        _time = time;
        _cancel = CancellationTokenSource.CreateLinkedTokenSource(clientGone);
        _timer = time.CreateTimer(static self => ((Watchdog)self!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Fires when a step has taken too long, or the client has gone.</summary>
    public CancellationToken Token => _cancel.Token;

    /// <summary>The step that took too long; <see cref="WatchedStep.None"/> while none has.</summary>
    public WatchedStep Expired { get; private set; }

    /// <summary>Begins a step that may take <paramref name="limit"/>; ends the one before it.</summary>
    public void Arm(WatchedStep step, TimeSpan limit)
    {
        var deadline = _time.GetTimestamp() + (long)(limit.TotalSeconds * _time.TimestampFrequency);
        lock (_lock)
        {
            _step = step;
            _deadline = deadline;
            if (_timerDue == 0 || deadline < _timerDue)
            {
                _timerDue = deadline;
                _timer.Change(limit, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <summary>Ends the present step; nobody is being waited for.</summary>
    public void Disarm()
    {
        lock (_lock)
        {
            _deadline = 0;
            _step = WatchedStep.None;
        }
    }

    /// <summary>Fires the token without any step having taken too long: what still goes on is to end.</summary>
    public void Stop() => _cancel.Cancel();

    /// <inheritdoc/>
    public void Dispose()
    {
        Disarm();
        _timer.Dispose();
        _cancel.Dispose();
    }

    private void OnTimer()
    {
        lock (_lock)
        {
            _timerDue = 0;
            if (_deadline == 0)
            {
                return;
            }

            var left = _time.GetElapsedTime(_time.GetTimestamp(), _deadline);
            if (left > TimeSpan.Zero)
            {
                _timerDue = _deadline;
                _timer.Change(left, Timeout.InfiniteTimeSpan);
                return;
            }

            _deadline = 0;
            Expired = _step;
        }

        Cancel();

        // Outside the lock: callbacks of the token run the request's continuations.
        void Cancel()
        {
            try
            {
                _cancel.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The request ended between the timer's firing and here.
            }
        }
    }
}
