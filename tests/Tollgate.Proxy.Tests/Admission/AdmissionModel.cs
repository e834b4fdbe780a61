using System.Numerics;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Tests.Admission;

/// <summary>Admission as one would do it with all the time in the world: every figure is added up anew from the list of rows and the list of reserves.</summary>
/// <remarks>
/// Invariants (I1 to I15 of the design): I1 is required at each admission; I2, I4, I5 and I7 by comparing every state with these sums; I3 and I6 because
/// whoever ends a request again changes nothing here; I8 because a returned lease leaves nothing; I10 because a restart has only the rows; I11 because
/// limits change; I12 among the states; I14 because what is given back is what was reserved, whatever a later estimate says; I15 because the model
/// refuses only for a sum that it can show. I9 has a test of its own. I13 is about several gateways that share a budget, which is not there yet.
/// </remarks>
internal sealed class AdmissionModel(long now)
{
    private readonly List<Row> _rows = [];
    private readonly List<Holds> _open = [];
    private readonly List<Series> _series = [];
    private readonly HashSet<(int, string, long, long, int)> _told = [];
    private readonly Dictionary<(int, string, long), int> _highestTold = [];
    private List<ModelLimit> _limits = [];
    private int _changes;
    private int _names;
    private bool _wasSetBack;

    /// <summary>The place of the next row.</summary>
    public long Tail { get; private set; }

    /// <summary>The latest time seen.</summary>
    public long Now { get; private set; } = now;

    /// <summary>The book's first series; null without one.</summary>
    public SpendSeries? FirstSeries => _series.Count == 0 ? null : _series[0].Real;

    public void Seen(long clock)
    {
        _wasSetBack |= clock < Now;
        Now = Math.Max(Now, clock);
    }

    public AdmissionModel AfterRestart(long clock)
    {
        var model = new AdmissionModel(clock) { Tail = Tail, _wasSetBack = _wasSetBack };
        model._rows.AddRange(_rows);
        return model;
    }

    public void Apply(IReadOnlyList<BudgetOptions> budgets, IReadOnlyList<LimitOptions> limits, long timestamp)
    {
        _changes++;
        var before = _series.ToArray();
        _series.Clear();
        foreach (var options in budgets)
        {
            Assert.True(BudgetWindow.TryParse(options.Window, options.TimeZone, out var window, out _));
            var key = new SeriesKey(options.Scope, options.Window, options.TimeZone);
            var old = Array.Find(before, one => one.Key == key);
            var series = _series.Find(one => one.Key == key);
            if (series is null)
            {
                series = new Series(key, window) { Cut = old?.Cut ?? Tail, IsKnown = old?.IsKnown ?? false, Real = old?.Real };
                _series.Add(series);
            }

            // The same budget under other rules goes on; one that was away, or is for somebody else or of another unit, is new.
            var same = old?.Budgets.Find(one => one.Options.Id == options.Id && one.Options.Value == options.Value && one.IsUsd == options.LimitUsd is not null);
            series.Budgets.Add(new Budget(options, same?.Name ?? _names++));
        }

        _limits = [.. limits.Select(options => new ModelLimit(
            options, _limits.Find(old => (old.Options.Id, old.Options.Scope, old.Options.Metric) == (options.Id, options.Scope, options.Metric)), timestamp))];
    }

    /// <summary>Whether a series begins as it should: now, at this place.</summary>
    public bool TryBegin(SpendSeries real)
    {
        var series = _series.Find(one => one.Key == real.Key);
        if (series is not { Real: null } || real.Cut != Tail || series.Cut != Tail)
        {
            return false;
        }

        series.Real = real;
        return true;
    }

    /// <summary>What the ledger says of the time from a start on.</summary>
    public List<SpendSum> Sums(SeriesKey key, BudgetWindow window, long start, long before) =>
    [
        .. _rows.Where(row => row.Place < before && row.LedgerAt >= start)
            .GroupBy(row => (row.Subject.ValueOf(key.Scope), window.BucketTicks == 0 ? start : window.BucketOf(row.LedgerAt)))
            .Select(static rows => new SpendSum(
                rows.Key.Item1, rows.Key.Item2, Shown(Sum(rows, static row => row.Amount.Usd)), Shown(Sum(rows, static row => row.Amount.Tokens)))),
    ];

    public void Open(SpendSeries real)
    {
        if (_series.Find(one => one.Real == real) is { } series)
        {
            series.IsKnown = true;
        }
    }

    public Expectation Decide(in SpendSubject subject, in SpendEstimate estimate, bool isMetered, long timestamp)
    {
        foreach (var limit in _limits)
        {
            var value = subject.ValueOf(limit.Options.Scope);
            var amount = limit.AmountOf(estimate, isMetered);
            if (IsFor(limit.Options.Scope, limit.Options.Value, value) && amount > 0 && !limit.CanTake(value, amount, timestamp))
            {
                return new Expectation(AdmissionAnswer.LimitReached)
                {
                    Limit = limit.Options,
                    Value = value,
                    Spent = limit.Used(value, timestamp),
                    Most = limit.Options.Limit,
                    Needed = amount,
                    IsRightTime = verdict => limit.IsRightWait(value, amount, timestamp, verdict.Wait),
                };
            }
        }

        foreach (var series in isMetered ? _series : [])
        {
            var value = subject.ValueOf(series.Key.Scope);
            foreach (var budget in series.Budgets.Where(one => one.IsFor(value)))
            {
                var hold = budget.HoldOf(estimate);
                if (budget.Options.Mode == BudgetMode.Strict && !series.IsKnown)
                {
                    return Refused(AdmissionAnswer.NotKnown, series, budget, value, hold);
                }

                if (budget.Options.Mode == BudgetMode.Strict && estimate.Unbounded is not null)
                {
                    return Refused(AdmissionAnswer.Unbounded, series, budget, value, hold);
                }

                var isOver = Shown(Spent(series, value, budget.IsUsd, Now)) + HeldOf(series, budget, value) + hold > budget.LimitAt(Now);
                if (isOver && budget.Options.Mode != BudgetMode.Watch && !budget.LetsThrough(subject.Model))
                {
                    return Refused(AdmissionAnswer.BudgetSpent, series, budget, value, hold);
                }
            }
        }

        return new Expectation(AdmissionAnswer.Admitted);
    }

    public Expectation? IsSpent(SpendSubject subject)
    {
        foreach (var series in _series.Where(static one => one.Key.Scope != ScopeKind.Model))
        {
            var value = subject.ValueOf(series.Key.Scope);
            foreach (var budget in series.Budgets.Where(one => one.IsFor(value) && one.Options.Mode != BudgetMode.Watch && one.Options.ModelsWhenSpent.Count == 0))
            {
                if (Spent(series, value, budget.IsUsd, Now) >= budget.LimitAt(Now))
                {
                    return Refused(AdmissionAnswer.BudgetSpent, series, budget, value, 0);
                }
            }
        }

        return null;
    }

    public Holds Take(in SpendSubject subject, in SpendEstimate estimate, bool isMetered, long clock, long timestamp)
    {
        var holds = new Holds { LedgerAt = clock, BookAt = Now };
        foreach (var series in isMetered ? _series : [])
        {
            var value = subject.ValueOf(series.Key.Scope);
            foreach (var budget in series.Budgets)
            {
                if (budget.IsFor(value))
                {
                    holds.Budgets.Add((budget.Name, value, series.HoldWindow(Now), budget.HoldOf(estimate)));
                }
            }
        }

        _open.Add(holds);
        foreach (var series in isMetered ? _series : [])
        {
            var value = subject.ValueOf(series.Key.Scope);
            foreach (var budget in series.Budgets)
            {
                if (budget.IsFor(value) && budget.Options.Mode == BudgetMode.Strict && !budget.LetsThrough(subject.Model))
                {
                    Must.Be(
                        Spent(series, value, budget.IsUsd, Now) + HeldOf(series, budget, value) <= budget.LimitAt(Now), $"I1: {budget.Options.Id} lets in more than its limit");
                }
            }
        }

        foreach (var limit in _limits)
        {
            var value = subject.ValueOf(limit.Options.Scope);
            var amount = limit.AmountOf(estimate, isMetered);
            if (amount > 0 && IsFor(limit.Options.Scope, limit.Options.Value, value))
            {
                holds.Limits.Add((limit.Take(value, amount, timestamp), limit.Options.Metric, amount));
            }
        }

        return holds;
    }

    public Row Close(Holds holds, SpendSubject served, SpendAmount amount)
    {
        var row = new Row(Tail++, holds.LedgerAt, holds.BookAt, served, amount);
        _rows.Add(row);
        return row;
    }

    public void Settle(Holds holds, Row row, long timestamp)
    {
        row.IsSettled = true;
        GiveBack(holds, row.Amount, timestamp);
    }

    public void Release(Holds holds, long timestamp) => GiveBack(holds, default, timestamp);

    public void Compare(IReadOnlyList<BudgetState> states)
    {
        var shown = new HashSet<(string, string)>();
        foreach (var state in states)
        {
            var series = _series.Find(one => one.Budgets.Exists(budget => ReferenceEquals(budget.Options, state.Budget)));
            Must.Be(series is not null, $"{state.Budget.Id} is shown and not there");
            var budget = series!.Budgets.Find(one => ReferenceEquals(one.Options, state.Budget))!;
            Must.Be(budget.IsFor(state.Value) && shown.Add((state.Budget.Id, state.Value)), $"{state.Budget.Id} is shown for {state.Value}");
            var spent = Shown(Spent(series, state.Value, budget.IsUsd, Now));
            Must.Be(state.Spent == spent, $"{state.Budget.Id} {state.Value}: {state.Spent} spent, and the rows say {spent}");
            var held = Shown(HeldOf(series, budget, state.Value));
            Must.Be(state.Held == held, $"{state.Budget.Id} {state.Value}: {state.Held} held, and open requests hold {held}");
            Must.Be(state.Limit == budget.LimitAt(Now) && state.IsKnown == series.IsKnown, $"{state.Budget.Id}: the limit is {state.Limit}, known {state.IsKnown}");
            series.Window.Find(Now, out var start, out var end);
            Must.Be(
                series.Window.Kind == BudgetWindowKind.Lifetime
                    ? state.WindowStart is null && state.WindowEnd is null
                    : (state.WindowStart!.Value.UtcTicks, state.WindowEnd!.Value.UtcTicks) == (start, end),
                $"{state.Budget.Id}: its window is {state.WindowStart} to {state.WindowEnd}");
        }

        foreach (var series in _series)
        {
            var values = _rows.Select(row => row.Subject.ValueOf(series.Key.Scope)).Concat(_open.SelectMany(static one => one.Budgets).Select(static hold => hold.Value));
            foreach (var budget in series.Budgets)
            {
                IEnumerable<string> all = budget.Options.Value == "*" ? values.Distinct() : [budget.Options.Value];
                foreach (var value in all.Where(budget.IsFor))
                {
                    Must.Be(
                        shown.Contains((budget.Options.Id, value))
                            || (budget.Options.Value == "*" && Spent(series, value, budget.IsUsd, Now) == 0 && HeldOf(series, budget, value) == 0),
                        $"{budget.Options.Id} is not shown for {value}");
                }
            }
        }

        RequireTree();
    }

    public void Compare(IReadOnlyList<LimitState> states, long timestamp)
    {
        foreach (var limit in _limits)
        {
            var shown = states.Where(state => ReferenceEquals(state.Limit, limit.Options)).ToDictionary(static state => state.Value, static state => state.Used);
            foreach (var value in shown.Keys.Union(limit.Cells.Keys))
            {
                var used = limit.Used(value, timestamp);
                Must.Be(shown.GetValueOrDefault(value) == used, $"{limit.Options.Id} {value}: {shown.GetValueOrDefault(value)} used, and the model says {used}");
            }
        }
    }

    /// <summary>A warning is right, and was not given before.</summary>
    public void Hear(BudgetWarning warning)
    {
        var state = warning.State;
        var series = _series.Find(one => one.Budgets.Exists(budget => ReferenceEquals(budget.Options, state.Budget)));
        Must.Be(series is { IsKnown: true }, $"{state.Budget.Id} warns, and is not there or not known");
        var budget = series!.Budgets.Find(one => ReferenceEquals(one.Options, state.Budget))!;
        Must.Be(
            state.Budget.Thresholds.Contains(warning.Threshold) && (Int128)state.Spent * 100 >= (Int128)state.Limit * warning.Threshold,
            $"{state.Budget.Id} warns of {warning.Threshold} % at {state.Spent} of {state.Limit}");
        if (series.Window.Kind != BudgetWindowKind.Rolling)
        {
            // With one set of rules limits only fall, as raises end.
            Must.Be(
                _told.Add((budget.Name, state.Value, series.HoldWindow(Now), state.Limit, (_changes * 10_000) + warning.Threshold)),
                $"{state.Budget.Id} {state.Value} warns twice of {warning.Threshold} %");
        }

        var key = (budget.Name, state.Value, series.HoldWindow(Now));
        _highestTold[key] = Math.Max(_highestTold.GetValueOrDefault(key), warning.Threshold);
    }

    /// <summary>What a row brought to a threshold has been told of.</summary>
    public void RequireTold(Row row)
    {
        foreach (var series in _series.Where(series => series.IsKnown && row.Place >= series.Cut))
        {
            var value = row.Subject.ValueOf(series.Key.Scope);
            foreach (var budget in series.Budgets.Where(budget => budget.IsFor(value)))
            {
                var spent = Spent(series, value, budget.IsUsd, Now) * 100;
                var reached = budget.Options.Thresholds.Where(threshold => Shown(spent / 100) * (BigInteger)100 >= (BigInteger)budget.LimitAt(Now) * threshold).DefaultIfEmpty().Max();
                var told = _highestTold.GetValueOrDefault((budget.Name, value, series.HoldWindow(Now)));
                Must.Be(told >= reached, $"{budget.Options.Id} {value} is at {reached} % and told of {told} %");
            }
        }
    }

    private static BigInteger Sum(IEnumerable<Row> rows, Func<Row, long> amount) => rows.Aggregate(BigInteger.Zero, (sum, row) => sum + amount(row));

    private static long Shown(BigInteger sum) => sum > long.MaxValue ? long.MaxValue : (long)sum;

    private static bool IsFor(ScopeKind scope, string configured, string value) =>
        scope == ScopeKind.Everything || (value.Length > 0 && (configured == "*" || configured == value));

    // The rows of the window that a moment is in: those that the series saw settled, and those before it once they are read.
    private BigInteger Spent(Series series, string value, bool isUsd, long at)
    {
        series.Window.Find(at, out var start, out _);
        var sum = BigInteger.Zero;
        foreach (var row in _rows)
        {
            var isCounted = row.Place >= series.Cut ? row.IsSettled && row.BookAt >= start : series.IsKnown && row.LedgerAt >= start;
            if (isCounted && row.Subject.ValueOf(series.Key.Scope) == value)
            {
                sum += isUsd ? row.Amount.Usd : row.Amount.Tokens;
            }
        }

        return sum;
    }

    private BigInteger HeldOf(Series series, Budget budget, string value)
    {
        var sum = BigInteger.Zero;
        foreach (var holds in _open)
        {
            foreach (var hold in holds.Budgets)
            {
                if (hold.Budget == budget.Name && hold.Value == value && hold.Window == series.HoldWindow(Now))
                {
                    sum += hold.Amount;
                }
            }
        }

        return sum;
    }

    private Expectation Refused(AdmissionAnswer answer, Series series, Budget budget, string value, long needed)
    {
        var limit = budget.LimitAt(Now);
        return new Expectation(answer)
        {
            Budget = budget.Options,
            Value = value,
            Spent = Shown(Spent(series, value, budget.IsUsd, Now)),
            Held = Shown(HeldOf(series, budget, value)),
            Most = limit,
            Needed = needed,
            IsRightTime = verdict => IsRightTime(series, budget, value, Math.Max(0, limit - Math.Max(1, needed)), verdict.RetryAt),
        };
    }

    private bool IsRightTime(Series series, Budget budget, string value, long most, long? at)
    {
        series.Window.Find(Now, out _, out var end);
        if (series.Window.Kind != BudgetWindowKind.Rolling)
        {
            return at == (end == long.MaxValue ? null : end);
        }

        // Enough has left the window then, and not a moment before.
        return Shown(Spent(series, value, budget.IsUsd, Now)) <= most
            ? at == end
            : Shown(Spent(series, value, budget.IsUsd, at!.Value)) <= most && Shown(Spent(series, value, budget.IsUsd, at.Value - 1)) > most;
    }

    private void GiveBack(Holds holds, in SpendAmount amount, long timestamp)
    {
        _open.Remove(holds);
        foreach (var (cell, metric, taken) in holds.Limits)
        {
            cell.UnderWay--;
            if (metric is LimitMetric.Input or LimitMetric.Output or LimitMetric.Tokens)
            {
                cell.Correct(ModelLimit.Of(metric, amount) - taken, timestamp);
            }
        }
    }

    // I12: what the parts of everything spent is no more than everything.
    private void RequireTree()
    {
        foreach (var whole in _series.Where(static one => one.Key.Scope == ScopeKind.Everything && one.IsKnown))
        {
            foreach (var part in _series.Where(one => one.IsKnown && one.Key with { Scope = ScopeKind.Everything } == whole.Key))
            {
                var values = _rows.Select(row => row.Subject.ValueOf(part.Key.Scope)).Distinct();
                var sum = values.Aggregate(BigInteger.Zero, (sum, value) => sum + Spent(part, value, true, Now));
                Must.Be(_wasSetBack || sum <= Spent(whole, string.Empty, true, Now) || _rows.Exists(static row => !row.IsSettled), $"{part.Key} is more than everything");
            }
        }
    }

    /// <summary>A row of the ledger. Its time there is the clock's; the book goes by the latest it has seen.</summary>
    internal sealed record Row(long Place, long LedgerAt, long BookAt, SpendSubject Subject, SpendAmount Amount)
    {
        public bool IsSettled { get; set; }
    }

    internal sealed class Holds
    {
        public long LedgerAt { get; init; }

        public long BookAt { get; init; }

        public List<(int Budget, string Value, long Window, long Amount)> Budgets { get; } = [];

        public List<(ModelCell Cell, LimitMetric Metric, long Amount)> Limits { get; } = [];
    }

    private sealed class Series(SeriesKey key, BudgetWindow window)
    {
        public SeriesKey Key { get; } = key;

        public BudgetWindow Window { get; } = window;

        public long Cut { get; init; }

        public bool IsKnown { get; set; }

        public SpendSeries? Real { get; set; }

        public List<Budget> Budgets { get; } = [];

        /// <summary>The window that a reserve of that time belongs to; those of rolling windows stay until they are given back.</summary>
        public long HoldWindow(long at)
        {
            if (Window.Kind != BudgetWindowKind.Calendar)
            {
                return 0;
            }

            Window.Find(at, out var start, out _);
            return start;
        }
    }

    private sealed class Budget(BudgetOptions options, int name)
    {
        public BudgetOptions Options { get; } = options;

        public int Name { get; } = name;

        public bool IsUsd { get; } = options.LimitUsd is not null;

        public bool IsFor(string value) => AdmissionModel.IsFor(Options.Scope, Options.Value, value);

        public bool LetsThrough(string model) => Options.ModelsWhenSpent.Any(pattern => model.StartsWith(pattern.TrimEnd('*'), StringComparison.Ordinal));

        public long HoldOf(in SpendEstimate estimate) => (Options.Mode == BudgetMode.Strict, IsUsd) switch
        {
            (true, true) => estimate.Most.Usd,
            (true, false) => estimate.Most.Tokens,
            (false, true) => estimate.Expected.Usd,
            (false, false) => estimate.Expected.Tokens,
        };

        public long LimitAt(long at)
        {
            BigInteger limit = Options.LimitUsd?.Value ?? Options.LimitTokens!.Value;
            foreach (var raise in Options.Raises)
            {
                limit += raise.Until.UtcTicks <= at ? 0 : IsUsd ? raise.Usd.Value : raise.Tokens;
            }

            return Shown(limit);
        }
    }

    /// <summary>A limit whose cells are exact fractions.</summary>
    private sealed class ModelLimit
    {
        public ModelLimit(LimitOptions options, ModelLimit? before, long timestamp)
        {
            Options = options;
            Cells = before?.Cells ?? [];
            if (before is not null && (before.Options.Limit, before.Options.Per, before.Options.Burst) != (options.Limit, options.Per, options.Burst))
            {
                foreach (var cell in Cells.Values)
                {
                    cell.Change(options, timestamp);
                }
            }
        }

        public LimitOptions Options { get; }

        public Dictionary<string, ModelCell> Cells { get; }

        private bool IsUnderWay => Options.Metric is LimitMetric.Concurrency or LimitMetric.Streams;

        public static long Of(LimitMetric metric, in SpendAmount amount) => metric switch
        {
            LimitMetric.Input => amount.Input,
            LimitMetric.Output => amount.Output,
            _ => amount.Tokens,
        };

        public long AmountOf(in SpendEstimate estimate, bool isMetered) => Options.Metric switch
        {
            LimitMetric.Requests or LimitMetric.Concurrency => 1,
            LimitMetric.Streams => estimate.IsStream ? 1 : 0,
            _ => isMetered ? Of(Options.Metric, estimate.Expected) : 0,
        };

        public bool CanTake(string value, long amount, long timestamp) =>
            IsUnderWay ? CellOf(value, timestamp).UnderWay < Options.Limit : CellOf(value, timestamp).CanTake(amount, timestamp);

        public bool IsRightWait(string value, long amount, long timestamp, TimeSpan wait) => IsUnderWay
            ? wait == TimeSpan.FromSeconds(1)
            : wait == TimeSpan.MaxValue
            || (CellOf(value, timestamp).CanTake(amount, timestamp + wait.Ticks) && !CellOf(value, timestamp).CanTake(amount, timestamp + wait.Ticks - 1));

        public long Used(string value, long timestamp) =>
            IsUnderWay ? CellOf(value, timestamp).UnderWay : Shown(CellOf(value, timestamp).Used(timestamp));

        public ModelCell Take(string value, long amount, long timestamp)
        {
            var cell = CellOf(value, timestamp);
            cell.UnderWay++;
            cell.Correct(amount, timestamp);
            return cell;
        }

        private ModelCell CellOf(string value, long timestamp)
        {
            if (!Cells.TryGetValue(value, out var cell))
            {
                Cells[value] = cell = new ModelCell(Options, timestamp);
            }

            return cell;
        }
    }

    internal sealed class ModelCell(LimitOptions options, long timestamp)
    {
        private LimitOptions _options = options;
        private BigInteger _parts; // Taken, in parts of which one has as many as its time has ticks: each tick gives back as many as the limit.
        private long _seen = timestamp;

        public long UnderWay { get; set; }

        public bool CanTake(long amount, long timestamp) => PartsAt(timestamp) + (Math.Min(amount, Burst) * (BigInteger)_options.Per.Ticks) <= Burst * (BigInteger)_options.Per.Ticks;

        public BigInteger Used(long timestamp) => (PartsAt(timestamp) + _options.Per.Ticks - 1) / _options.Per.Ticks;

        public void Correct(long amount, long timestamp)
        {
            // A bucket takes no more than its largest amount at a time.
            var clamped = Math.Clamp(amount, -TokenBucket.MostAmount, TokenBucket.MostAmount);
            _parts = BigInteger.Max(0, PartsAt(timestamp) + (clamped * (BigInteger)_options.Per.Ticks));
            _seen = timestamp;
        }

        public void Change(LimitOptions options, long timestamp)
        {
            var used = BigInteger.Min(Used(timestamp), TokenBucket.MostAmount);
            _options = options;
            _parts = used * options.Per.Ticks;
            _seen = timestamp;
        }

        private long Burst => _options.Burst == 0 ? _options.Limit : _options.Burst;

        private BigInteger PartsAt(long timestamp) => BigInteger.Max(0, _parts - ((timestamp - _seen) * (BigInteger)_options.Limit));
    }
}
