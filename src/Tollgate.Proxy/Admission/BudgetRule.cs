using System.IO.Enumeration;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Admission;

/// <summary>A budget as admission uses it: its window read, its limit in one unit.</summary>
internal sealed class BudgetRule
{
    private readonly long _limit;
    private readonly bool _hasRaises;

    /// <summary>Takes a configured budget, which has been validated.</summary>
    /// <exception cref="ArgumentException">Its window is none.</exception>
    public BudgetRule(BudgetOptions options)
    {
        if (!BudgetWindow.TryParse(options.Window, options.TimeZone, out var window, out var problem))
        {
            throw new ArgumentException($"The window of budget \"{options.Id}\" {problem}", nameof(options));
        }

        Options = options;
        Window = window;
        IsUsd = options.LimitUsd is not null;
        _limit = options.LimitUsd?.Value ?? options.LimitTokens ?? 0;
        _hasRaises = options.Raises.Count > 0;
        Thresholds = [.. options.Thresholds.Order()];
        Marks = [.. options.Thresholds.Append(100).Distinct().Order()];
    }

    /// <summary>As configured.</summary>
    public BudgetOptions Options { get; }

    /// <summary>When its windows begin and end.</summary>
    public BudgetWindow Window { get; }

    /// <summary>Whether amounts are nano-dollars; else they are tokens.</summary>
    public bool IsUsd { get; }

    /// <summary>Percentages at which to warn, ascending.</summary>
    public int[] Thresholds { get; }

    /// <summary>Percentages whose passing the journal notes, ascending: <see cref="Thresholds"/>, and the limit itself.</summary>
    public int[] Marks { get; }

    /// <summary>Since which rules it is there without a break: what is reserved goes on to the same budget under other rules, not to a namesake.</summary>
    public int Since { get; set; }

    /// <summary>What it adds up.</summary>
    public SeriesKey Key => new(Options.Scope, Window.Text, Window.TimeZoneId);

    /// <summary>Whether it is for <paramref name="value"/> of its scope.</summary>
    public bool IsFor(string value) => Options.Scope == ScopeKind.Everything || (value.Length > 0 && (Options.Value == "*" || Options.Value == value));

    /// <summary>Whether it is the same budget as another, perhaps with another limit or mode.</summary>
    public bool IsSame(BudgetRule other) => Options.Id == other.Options.Id && Options.Value == other.Options.Value && IsUsd == other.IsUsd;

    /// <summary>The limit with the raises that are in force.</summary>
    public long LimitAt(long now) => _hasRaises ? RaisedAt(now) : _limit;

    private long RaisedAt(long now)
    {
        var limit = (Int128)_limit;
        for (var i = 0; i < Options.Raises.Count; i++)
        {
            var raise = Options.Raises[i];
            limit += raise.Until.UtcTicks > now ? IsUsd ? raise.Usd.Value : raise.Tokens : 0;
        }

        return limit > long.MaxValue ? long.MaxValue : (long)limit;
    }

    /// <summary>Whether a model may go on when nothing is left.</summary>
    public bool LetsThrough(string model)
    {
        for (var i = 0; i < Options.ModelsWhenSpent.Count; i++)
        {
            if (FileSystemName.MatchesSimpleExpression(Options.ModelsWhenSpent[i], model, ignoreCase: false))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>What a request has to reserve.</summary>
    public long HoldOf(in SpendEstimate estimate)
    {
        var amount = Options.Mode == BudgetMode.Strict ? estimate.Most : estimate.Expected;
        return IsUsd ? amount.Usd : amount.Tokens;
    }
}

/// <summary>A budget for one value: what requests under way have reserved of it.</summary>
/// <remarks>Touched under the gate of its <see cref="AdmissionBook"/>.</remarks>
internal sealed class BudgetCell(BudgetRule rule, SpendAccount account)
{
    /// <summary>The budget; another one of the same name after a change.</summary>
    public BudgetRule Rule { get; private set; } = rule;

    /// <summary>What is spent.</summary>
    public SpendAccount Account { get; } = account;

    /// <summary>Reserved, in the budget's unit. Wider than an amount: <c>max_tokens</c> is the client's, and a sum that wrapped would let everybody in.</summary>
    public Int128 Held { get; set; }

    /// <summary>Reserved, as shown.</summary>
    public long ShownHeld => Held > long.MaxValue ? long.MaxValue : (long)Held;

    /// <summary>The highest threshold that has been told of, in percent; 0: none. Not an index: thresholds may change.</summary>
    public int Warned { get; private set; }

    // While the limit is this and spend stays within these, there is nothing to tell or to forget: most requests look at three numbers.
    private long _quietLimit = -1;
    private Int128 _quietFrom;
    private Int128 _quietBefore;

    // The journal's: the highest mark that spend has passed under this limit, in this window and, where it is rolling, on this day (UTC, counted; else 0).
    private long _markLimit = -1;
    private long _markDay;
    private int _passed;
    private Int128 _nextMark;

    /// <summary>Goes on under other rules of the same budget.</summary>
    public void ChangeTo(BudgetRule rule)
    {
        Rule = rule;
        _quietLimit = _markLimit = -1;
    }

    /// <summary>A new window begins.</summary>
    public void ForgetWarnings()
    {
        Warned = 0;
        _quietLimit = _markLimit = -1;
    }

    /// <summary>Takes note of what is spent.</summary>
    /// <param name="now">The time, for raises.</param>
    /// <param name="threshold">The next threshold that this reached and that has not been told of: ask again, there may be another.</param>
    public bool Reaches(long now, out int threshold)
    {
        threshold = 0;
        var (spent, limit) = (Account.SpentOf(Rule), Rule.LimitAt(now));
        return (limit != _quietLimit || spent < _quietFrom || spent >= _quietBefore) && ReachesSlow(spent, limit, out threshold);
    }

    /// <summary>Takes note of what is spent, for the journal.</summary>
    /// <param name="now">The time, for raises and days.</param>
    /// <param name="mark">The next mark that this passed: ask again, there may be another.</param>
    /// <remarks>
    /// A function of spend, limit, window and day alone: a process that was started anew comes to the same marks, and whoever remembers them sees that they are
    /// not new. So not by <see cref="Warned"/>, which depends on the way that spend has gone.
    /// </remarks>
    public bool Passes(long now, out int mark)
    {
        mark = 0;
        var (spent, limit) = (Account.SpentOf(Rule), Rule.LimitAt(now));
        var day = Rule.Window.Kind == BudgetWindowKind.Rolling ? now / TimeSpan.TicksPerDay : 0;
        return (limit != _markLimit || day != _markDay || spent >= _nextMark) && PassesSlow(spent, limit, day, out mark);
    }

    private bool PassesSlow(long spent, long limit, long day, out int mark)
    {
        if (limit != _markLimit || day != _markDay)
        {
            (_markLimit, _markDay, _passed) = (limit, day, 0);
        }

        mark = Array.Find(Rule.Marks, percent => percent > _passed);
        _nextMark = mark > 0 ? Share(limit, mark) : Int128.MaxValue;
        if (mark == 0 || spent < _nextMark)
        {
            mark = 0;
            return false;
        }

        _passed = mark;
        return true;
    }

    // The least amount that is so many percent of the limit.
    private static Int128 Share(long limit, int percent) => (((Int128)limit * percent) + 99) / 100;

    private bool ReachesSlow(long spent, long limit, out int threshold)
    {
        while (Warned > 0 && spent < Rearm(Warned))
        {
            Warned = Array.FindLast(Rule.Thresholds, percent => percent < Warned); // A raise, or a rolling window that moved on.
        }

        threshold = Array.Find(Rule.Thresholds, percent => percent > Warned);
        if (threshold > 0 && spent >= Share(limit, threshold))
        {
            Warned = threshold;
            return true;
        }

        (_quietLimit, _quietFrom, _quietBefore) = (limit, Warned > 0 ? Rearm(Warned) : 0, threshold > 0 ? Share(limit, threshold) : Int128.MaxValue);
        return false;

        // Some points below, so that spend that goes up and down does not tell of every request.
        Int128 Rearm(int percent) => Share(limit, percent - Math.Min(5, percent / 2));
    }
}
