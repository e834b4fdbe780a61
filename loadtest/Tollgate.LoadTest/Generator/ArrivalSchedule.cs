namespace Tollgate.LoadTest.Generator;

/// <summary>When each request of an open load is due, whatever became of those before.</summary>
/// <remarks>
/// Units: nanoseconds, as <see cref="System.Diagnostics.Stopwatch"/> counts them on Linux. Several threads share a load by turns: request
/// <c>turn + k × turns</c> is the k-th of a thread.
/// </remarks>
/// <param name="start">When request 0 is due.</param>
/// <param name="rate">Requests a second, of all threads together.</param>
/// <param name="turn">Whose schedule it is, from 0.</param>
/// <param name="turns">How many share the load.</param>
/// <param name="count">How many requests are due in all, of this thread; without it there is no end.</param>
internal sealed class ArrivalSchedule(long start, double rate, int turn = 0, int turns = 1, long count = long.MaxValue)
{
    private long _taken;

    /// <summary>When the next request is due; never, after the last.</summary>
    public long NextDue => _taken == count ? long.MaxValue : start + (long)(NextNumber * 1e9 / rate);

    /// <summary>Its number in the whole load.</summary>
    public long NextNumber => turn + (_taken * turns);

    /// <summary>Takes the next request if it is due.</summary>
    public bool TryTake(long now, out long due)
    {
        due = NextDue;
        if (due > now)
        {
            return false;
        }

        _taken++;
        return true;
    }
}
