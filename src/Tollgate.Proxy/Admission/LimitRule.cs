using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Admission;

/// <summary>A rate limit and what was taken of it, by value of its scope.</summary>
/// <remarks>Touched under the gate of its <see cref="AdmissionBook"/>.</remarks>
internal sealed class LimitRule
{
    private readonly Dictionary<string, LimitCell> _cells = new(StringComparer.Ordinal);
    private readonly long _frequency;

    /// <summary>Takes a configured limit, which has been validated, and what was taken of the one before it.</summary>
    /// <param name="options">As configured.</param>
    /// <param name="frequency">Timestamps in a second.</param>
    /// <param name="before">The limit of the same name before the change; null when there was none.</param>
    /// <param name="now">A timestamp.</param>
    public LimitRule(LimitOptions options, long frequency, LimitRule? before, long now)
    {
        Options = options;
        _frequency = frequency;
        if (before is null || before.Options.Scope != options.Scope || before.Options.Metric != options.Metric)
        {
            return;
        }

        foreach (var (value, cell) in before._cells)
        {
            if (cell.Bucket is not null && !IsSameRate(before.Options))
            {
                cell.ChangeTo(NewBucket(now), now);
            }

            // The cell itself: those under way correct or give back what they took of it.
            _cells.Add(value, cell);
        }
    }

    /// <summary>As configured.</summary>
    public LimitOptions Options { get; }

    /// <summary>Whether it counts what is under way instead of what comes in time.</summary>
    public bool IsOfConcurrency => Options.Metric is LimitMetric.Concurrency or LimitMetric.Streams;

    /// <summary>Everything that was taken.</summary>
    public IEnumerable<KeyValuePair<string, LimitCell>> Cells => _cells;

    /// <summary>Whether it is for <paramref name="value"/> of its scope.</summary>
    public bool IsFor(string value) => Options.Scope == ScopeKind.Everything || (value.Length > 0 && (Options.Value == "*" || Options.Value == value));

    /// <summary>What was taken by a value.</summary>
    public LimitCell CellOf_NeedsGate(string value, long now, out bool isNew)
    {
        isNew = !_cells.TryGetValue(value, out var cell);
        if (cell is null)
        {
            cell = new LimitCell(IsOfConcurrency ? null : NewBucket(now));
            _cells.Add(value, cell);
        }

        return cell;
    }

    /// <summary>How much of it a request takes; 0: it is not counted.</summary>
    public long AmountOf(in SpendEstimate estimate, bool isMetered) => Options.Metric switch
    {
        LimitMetric.Requests or LimitMetric.Concurrency => 1,
        LimitMetric.Streams => estimate.IsStream ? 1 : 0,
        _ when !isMetered => 0,
        _ => Of(estimate.Expected),
    };

    /// <summary>How much of it an amount is.</summary>
    public long Of(in SpendAmount amount) => Options.Metric switch
    {
        LimitMetric.Input => amount.Input,
        LimitMetric.Output => amount.Output,
        LimitMetric.Tokens => amount.Tokens,
        _ => 1,
    };

    /// <summary>Lets go of what is as good as new.</summary>
    public void Sweep_NeedsGate(long now)
    {
        foreach (var (value, cell) in _cells)
        {
            if (cell.UnderWay == 0 && cell.Used(now) == 0)
            {
                _cells.Remove(value);
            }
        }
    }

    private bool IsSameRate(LimitOptions other) => (other.Limit, other.Per, other.Burst) == (Options.Limit, Options.Per, Options.Burst);

    private TokenBucket NewBucket(long now) => new(Options.Limit, Options.Per, Options.Burst, _frequency, now);
}

/// <summary>What one value has taken of a rate limit.</summary>
internal sealed class LimitCell(TokenBucket? bucket)
{
    /// <summary>Taken in time; null when what is under way is counted.</summary>
    public TokenBucket? Bucket { get; private set; } = bucket;

    /// <summary>Requests under way that took of it.</summary>
    public long UnderWay { get; set; }

    /// <summary>Taken and not yet given back.</summary>
    public long Used(long now) => Bucket?.Used_NeedsLock(now) ?? UnderWay;

    /// <summary>Goes on under another rate: what is taken stays taken, rounded up to a whole one.</summary>
    public void ChangeTo(TokenBucket bucket, long now)
    {
        bucket.Correct_NeedsLock(now, Used(now));
        Bucket = bucket;
    }
}
