namespace Tollgate.Proxy.EventLoops;

/// <summary>A gateway's loops. Connections are given to them in turn; one that has more to do than it can gives some to one that sleeps.</summary>
public sealed class EventLoopGroup : IDisposable
{
    /// <summary>Most loops of a group.</summary>
    public const int MostLoops = 64;

    private readonly EventLoop[] _loops;
    private uint _next;

    /// <summary>Starts as many loops as <paramref name="count"/> says.</summary>
    public EventLoopGroup(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, MostLoops);
        _loops = new EventLoop[count];
        for (var index = 0; index < count; index++)
        {
            _loops[index] = new EventLoop(index);
        }

        foreach (var loop in _loops)
        {
            loop.BelongTo(_loops);
        }
    }

    /// <summary>Whether this platform has what a loop needs.</summary>
    public static bool IsSupported => OperatingSystem.IsLinux();

    /// <summary>How many there are where nothing is said: one for each processor, at most 16.</summary>
    public static int DefaultCount => Math.Clamp(Environment.ProcessorCount, 1, 16);

    /// <summary>All of them, by index.</summary>
    public IReadOnlyList<EventLoop> All => _loops;

    /// <summary>The loop whose turn it is.</summary>
    public EventLoop Next() => _loops[(Interlocked.Increment(ref _next) - 1) % (uint)_loops.Length];

    /// <summary>Stops them; what sockets they still have are closed.</summary>
    public void Dispose()
    {
        foreach (var loop in _loops)
        {
            loop.Stop();
        }
    }
}
