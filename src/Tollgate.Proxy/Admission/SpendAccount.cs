namespace Tollgate.Proxy.Admission;

/// <summary>What one value of a scope has spent in the present window.</summary>
/// <remarks>
/// Not safe by itself: everything here is touched under the gate of its <see cref="AdmissionBook"/>.
/// Shape: a calendar window has one sum that starts anew; a rolling one is a list of buckets, oldest first, and their sum. Money and tokens are both
/// kept, so that a budget in either finds its past.
/// </remarks>
internal sealed class SpendAccount(SpendSeries series, string value)
{
    private readonly List<Bucket> _buckets = [];

    /// <summary>The window it belongs to, and all others like it.</summary>
    public SpendSeries Series { get; } = series;

    /// <summary>Whose it is.</summary>
    public string Value { get; } = value;

    /// <summary>First tick of the window, UTC.</summary>
    public long Start { get; private set; }

    /// <summary>First tick behind it: when it starts anew, or when the oldest bucket of a rolling one may leave it.</summary>
    public long End { get; private set; }

    /// <summary>Counts the windows: what was held in an earlier one is not given back to this one.</summary>
    public int Generation { get; private set; }

    /// <summary>Nano-dollars spent in the window.</summary>
    public long Usd { get; private set; }

    /// <summary>Tokens spent in the window.</summary>
    public long Tokens { get; private set; }

    /// <summary>The budgets that are for it, under the rules of <see cref="RulesVersion"/>.</summary>
    public BudgetCell[] Cells { get; set; } = [];

    /// <summary>The rules that <see cref="Cells"/> follow.</summary>
    public int RulesVersion { get; set; } = -1;

    /// <summary>Whether its series has let go of it: nothing may be added to it any more.</summary>
    public bool IsGone { get; set; }

    /// <summary>What is spent in the unit of a budget.</summary>
    public long SpentOf(BudgetRule rule) => rule.IsUsd ? Usd : Tokens;

    /// <summary>Goes to the window that <paramref name="now"/> is in; it never goes back.</summary>
    public void Roll_NeedsGate(long now)
    {
        if (now < End)
        {
            return;
        }

        Series.Window.Find(now, out var start, out var end);
        (Start, End) = (start, end);
        if (Series.Window.Kind == BudgetWindowKind.Rolling)
        {
            Drop_NeedsGate();
            return;
        }

        Usd = Tokens = 0;
        Generation++;
        foreach (var cell in Cells)
        {
            cell.Held = 0;
            cell.ForgetWarnings();
        }
    }

    /// <summary>Adds what was spent by a request that came at <paramref name="at"/>: to the window of its admission, so not at all when that is over.</summary>
    public void Add_NeedsGate(long at, long usd, long tokens)
    {
        if (at < Start)
        {
            return;
        }

        if (Series.Window.Kind == BudgetWindowKind.Rolling)
        {
            AddToBucket(Series.Window.BucketOf(at), usd, tokens);
        }

        Usd = Saturate((Int128)Usd + usd);
        Tokens = Saturate((Int128)Tokens + tokens);
    }

    /// <summary>When enough will have left the window that no more than <paramref name="most"/> of the unit of <paramref name="rule"/> is spent; null: never by itself.</summary>
    public long? FreeAt(BudgetRule rule, long most)
    {
        if (Series.Window.Kind != BudgetWindowKind.Rolling)
        {
            return End == long.MaxValue ? null : End;
        }

        // Not SpentOf, which is cut off at the largest number.
        Int128 left = 0;
        foreach (var bucket in _buckets)
        {
            left += rule.IsUsd ? bucket.Usd : bucket.Tokens;
        }

        foreach (var bucket in _buckets)
        {
            if (left <= most)
            {
                break;
            }

            left -= rule.IsUsd ? bucket.Usd : bucket.Tokens;
            if (left <= most)
            {
                return Series.Window.LeavesAt(bucket.Start);
            }
        }

        return End;
    }

    private static long Saturate(Int128 sum) => sum > long.MaxValue ? long.MaxValue : (long)sum;

    private void AddToBucket(long start, long usd, long tokens)
    {
        var index = _buckets.Count;
        while (index > 0 && _buckets[index - 1].Start > start)
        {
            index--;
        }

        if (index > 0 && _buckets[index - 1].Start == start)
        {
            var bucket = _buckets[index - 1];
            _buckets[index - 1] = bucket with { Usd = Saturate((Int128)bucket.Usd + usd), Tokens = Saturate((Int128)bucket.Tokens + tokens) };
            return;
        }

        _buckets.Insert(index, new Bucket(start, usd, tokens));
    }

    private void Drop_NeedsGate()
    {
        var gone = 0;
        while (gone < _buckets.Count && _buckets[gone].Start < Start)
        {
            gone++;
        }

        _buckets.RemoveRange(0, gone);

        // Added up anew: what was cut off at the largest number can't be taken away from it.
        (Int128 usd, Int128 tokens) = (0, 0);
        foreach (var bucket in _buckets)
        {
            usd += bucket.Usd;
            tokens += bucket.Tokens;
        }

        (Usd, Tokens) = (Saturate(usd), Saturate(tokens));
    }

    private readonly record struct Bucket(long Start, long Usd, long Tokens);
}
