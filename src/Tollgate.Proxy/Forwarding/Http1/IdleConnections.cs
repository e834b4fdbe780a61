namespace Tollgate.Proxy.Forwarding.Http1;

/// <summary>Connections to one upstream that wait for their next request; the one used last is taken first.</summary>
/// <remarks>A timer looks after them only while there are any, so that a pool that a reload left behind can be collected.</remarks>
internal sealed class IdleConnections(TimeProvider time) : IDisposable
{
    /// <summary>Most connections kept. A burst's are of use to the next burst; more than this only hold descriptors here and upstream.</summary>
    public const int MostIdle = 256;

    /// <summary>How long one is kept. Below the minute after which load balancers commonly drop idle connections, so that we drop them first.</summary>
    public static readonly TimeSpan LongestIdle = TimeSpan.FromSeconds(55);

    // At most this much longer than LongestIdle is one kept: under a minute and a half with room to spare.
    private static readonly TimeSpan SweepInterval = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();

    // Guarded by _lock. The oldest first.
    private readonly List<Http1Connection> _idle = [];
    private ITimer? _sweeps;
    private bool _isDisposed;

    /// <summary>How many there are.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _idle.Count;
            }
        }
    }

    /// <summary>Takes the one that was returned last; null when there is none. Whether it is still usable is for the caller to ask, when it has something to send.</summary>
    public Http1Connection? TryTake()
    {
        Http1Connection last;
        lock (_lock)
        {
            if (_idle.Count == 0)
            {
                return null;
            }

            last = _idle[^1];
            _idle.RemoveAt(_idle.Count - 1);
        }

        if (time.GetElapsedTime(last.IdleSince) < LongestIdle)
        {
            return last;
        }

        // All others are older still.
        last.Dispose();
        CloseAll();
        return null;
    }

    /// <summary>Keeps <paramref name="connection"/> for another request if its last one left it clean; closes it otherwise.</summary>
    public void Return(Http1Connection connection)
    {
        if (!connection.CanCarryAnother)
        {
            connection.Dispose();
            return;
        }

        connection.BeginIdle();
        connection.IdleSince = time.GetTimestamp();
        lock (_lock)
        {
            if (!_isDisposed && _idle.Count < MostIdle)
            {
                _idle.Add(connection);
                _sweeps ??= time.CreateTimer(static self => ((IdleConnections)self!).Sweep(), this, SweepInterval, Timeout.InfiniteTimeSpan);
                return;
            }
        }

        connection.Dispose();
    }

    /// <summary>Closes those that are here, and whatever is returned from now on.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            _sweeps?.Dispose();
            _sweeps = null;
        }

        CloseAll();
    }

    /// <summary>Closes what has been idle for too long and what the upstream has closed; comes again while any is left.</summary>
    private void Sweep()
    {
        List<Http1Connection> stale = [];
        lock (_lock)
        {
            for (var at = _idle.Count - 1; at >= 0; at--)
            {
                if (time.GetElapsedTime(_idle[at].IdleSince) >= LongestIdle || !_idle[at].IsStillQuiet)
                {
                    stale.Add(_idle[at]);
                    _idle.RemoveAt(at);
                }
            }

            if (_idle.Count > 0)
            {
                _sweeps?.Change(SweepInterval, Timeout.InfiniteTimeSpan);
            }
            else
            {
                _sweeps?.Dispose();
                _sweeps = null;
            }
        }

        foreach (var connection in stale)
        {
            connection.Dispose();
        }
    }

    private void CloseAll()
    {
        Http1Connection[] all;
        lock (_lock)
        {
            all = [.. _idle];
            _idle.Clear();
        }

        foreach (var connection in all)
        {
            connection.Dispose();
        }
    }
}
