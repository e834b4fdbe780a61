namespace Tollgate.Testing.Soak;

/// <summary>What the clients of a soak know: how their calls ended, and every answer they got in full.</summary>
public sealed class SoakTally
{
    private readonly Lock _gate = new();
    private readonly List<Answered> _answered = [];
    private readonly int[] _ends = new int[Enum.GetValues<CallEnd>().Length];

    /// <summary>Answers that came in full.</summary>
    public int AnsweredCount
    {
        get
        {
            lock (_gate)
            {
                return _answered.Count;
            }
        }
    }

    /// <summary>Calls sent.</summary>
    public int Sent
    {
        get
        {
            lock (_gate)
            {
                return _ends.Sum();
            }
        }
    }

    /// <summary>Calls that ended this way.</summary>
    public int CountOf(CallEnd end)
    {
        lock (_gate)
        {
            return _ends[(int)end];
        }
    }

    /// <summary>Answers from the <paramref name="from"/>-th on.</summary>
    public IReadOnlyList<Answered> AnsweredFrom(int from)
    {
        lock (_gate)
        {
            return _answered.GetRange(from, _answered.Count - from);
        }
    }

    /// <summary>Keeps how a call ended.</summary>
    public void Add(CallEnd end, Answered answer)
    {
        lock (_gate)
        {
            _ends[(int)end]++;
            if (end == CallEnd.Answered)
            {
                _answered.Add(answer);
            }
        }
    }
}
