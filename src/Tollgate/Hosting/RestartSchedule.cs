namespace Tollgate.Hosting;

/// <summary>When to start the store again after it ended: at once more or less, then ever less often while it keeps failing.</summary>
/// <remarks>The policy alone; <see cref="StoreSupervisor"/> does the waiting.</remarks>
internal sealed class RestartSchedule
{
    /// <summary>The pause before the first restart.</summary>
    public static readonly TimeSpan First = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest pause.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    /// <summary>How long the store must have been ready for its next end to count as the first.</summary>
    public static readonly TimeSpan Forgiven = TimeSpan.FromSeconds(30);

    private TimeSpan _next = First;

    /// <summary>The pause before the next start, given how long the last one was ready.</summary>
    public TimeSpan Next(TimeSpan ready)
    {
        if (ready >= Forgiven)
        {
            _next = First;
        }

        var pause = _next;
        _next = TimeSpan.FromTicks(Math.Min(_next.Ticks * 2, Longest.Ticks));
        return pause;
    }
}
