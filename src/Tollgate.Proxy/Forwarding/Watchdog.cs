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

/// <summary>Cancels a request whose present step takes too long, or that must end because the gateway stops, and remembers which it was.</summary>
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
    private readonly CancellationTokenRegistration _onCut;

    // Guarded by _lock. Timestamps of _time; 0 means none.
    private long _deadline;
    private long _timerDue;
    private WatchedStep _step;

    /// <summary>Watches one request.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="clientGone">Fires the token too.</param>
    /// <param name="cut">Fires the token too, and is remembered when it was what ended the request.</param>
    public Watchdog(TimeProvider time, CancellationToken clientGone, CancellationToken cut)
    {
        _time = time;
        _cancel = CancellationTokenSource.CreateLinkedTokenSource(clientGone);
        _timer = time.CreateTimer(static self => ((Watchdog)self!).OnTimer(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

        // Last: a cut that has come already calls back from here.
        _onCut = cut.UnsafeRegister(static self => ((Watchdog)self!).OnCut(), this);
    }

    /// <summary>Fires when a step has taken too long, the client has gone, or the gateway must stop.</summary>
    public CancellationToken Token => _cancel.Token;

    /// <summary>The step that took too long; <see cref="WatchedStep.None"/> while none has.</summary>
    public WatchedStep Expired { get; private set; }

    /// <summary>Whether the gateway's stop ended the request; false when a step or the client was faster.</summary>
    public bool IsCut { get; private set; }

    /// <summary>Begins a step that may take <paramref name="limit"/>; ends the one before it. Returns when it began, as a timestamp.</summary>
    public long Arm(WatchedStep step, TimeSpan limit)
    {
        var now = _time.GetTimestamp();
        Arm(step, limit, now);
        return now;
    }

    /// <summary>As <see cref="Arm(WatchedStep, TimeSpan)"/>, for who has just asked what time it is.</summary>
    public void Arm(WatchedStep step, TimeSpan limit, long now)
    {
        var deadline = now + (long)(limit.TotalSeconds * _time.TimestampFrequency);
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

    /// <summary>What the clock that steps are measured by says now.</summary>
    public long GetTimestamp() => _time.GetTimestamp();

    /// <inheritdoc/>
    public void Dispose()
    {
        Disarm();
        _onCut.Unregister();
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
    }

    private void OnCut()
    {
        lock (_lock)
        {
            IsCut = !_cancel.IsCancellationRequested && Expired == WatchedStep.None;
        }

        Cancel();
    }

    /// <summary>Fires the token. Never under the lock: its callbacks run the request's continuations.</summary>
    private void Cancel()
    {
        try
        {
            _cancel.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The request ended between the timer's or the cut's firing and here.
        }
    }
}
