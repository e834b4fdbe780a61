using System.Runtime.InteropServices;
using System.Threading.Channels;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Admission;

/// <summary>Every budget and rate limit, what is spent of it and what is reserved: the one place where a request is let in or not.</summary>
/// <remarks>
/// One gate guards all of it. A request checks every budget and limit that is for it and then takes from all or from none, so no two requests can
/// both take what is there for one, and no third sees half of it. The gate is held for some hundred nanoseconds and never across a wait; that is
/// simpler to be sure of than a protocol of atomic additions, and measured fast enough (bench/results/Admission.md).
///
/// Invariants, under the gate: reserved = the sum of open leases; strict: spent + reserved &lt;= limit at each admission; a lease is given back once.
/// It outlives every <see cref="World"/>: <see cref="Apply"/> brings other rules, never other sums.
/// </remarks>
public sealed class AdmissionBook : IAdmissionStates
{
    // More than any burst of thresholds; a reader that is away for so long misses the oldest ones, which are in the log all the same.
    private const int WarningsKept = 1024;

    // An answer counts for a sixteenth of the average.
    private const long OutputWeight = 16;

    // Names of models come from clients.
    private const int ModelsKept = 1000;

    // New accounts and cells: after so many, or as many as there are, what is as good as new is let go of.
    private const int SweepEvery = 4096;

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly Func<long>? _tail;
    private readonly LeasePool _leases = new();
    private readonly Channel<SpendSeries> _unread = Channel.CreateUnbounded<SpendSeries>();
    private readonly Channel<BudgetWarning> _warnings = Channel.CreateBounded<BudgetWarning>(
        new BoundedChannelOptions(WarningsKept) { FullMode = BoundedChannelFullMode.DropOldest });

    // Output tokens of an answer on average, times 16, by model.
    private readonly Dictionary<string, long> _usualOutput = new(StringComparer.Ordinal);

    private SpendSeries[] _series = [];
    private LimitRule[] _limits = [];
    private int _rulesVersion;

    // The latest reading of the clock. One that was read before another but comes after it, or a clock that is set back, counts as standing still: a
    // request is then never admitted before the window that it is held in, where its spend would count for nothing.
    private long _latest;
    private readonly int _sweepEvery;
    private int _untilSweep;

    /// <summary>An empty book: everything is let in.</summary>
    /// <param name="time">The clock.</param>
    /// <param name="tail">The place of the next row in the ledger's log; null when no ledger is kept, so that there is no past to read.</param>
    public AdmissionBook(TimeProvider time, Func<long>? tail)
        : this(time, tail, SweepEvery)
    {
    }

    /// <summary>The same, for tests that want to meet more than one sweep.</summary>
    internal AdmissionBook(TimeProvider time, Func<long>? tail, int sweepEvery)
    {
        _sweepEvery = _untilSweep = sweepEvery;
        _time = time;
        _tail = tail;
    }

    /// <summary>Whether anything is counted at all.</summary>
    public bool IsEmpty => Volatile.Read(ref _series).Length == 0 && Volatile.Read(ref _limits).Length == 0;

    /// <summary>Thresholds as they are reached, oldest first.</summary>
    public ChannelReader<BudgetWarning> Warnings => _warnings.Reader;

    /// <summary>What budgets do, for a history; null: nobody keeps one, and nothing is noted.</summary>
    public BudgetJournal? Journal { get; init; }

    /// <summary>Series whose past is still to be read, in the order of their cuts.</summary>
    internal ChannelReader<SpendSeries> Unread => _unread.Reader;

    /// <summary>The present as budgets see it, in UTC ticks: never before what it was.</summary>
    internal long Now
    {
        get
        {
            var now = _time.GetUtcNow().UtcTicks;
            lock (_gate)
            {
                return Latest_NeedsGate(now);
            }
        }
    }

    /// <summary>Puts other budgets and limits in force. What is spent, reserved and taken stays.</summary>
    /// <param name="budgets">All budgets; validated.</param>
    /// <param name="limits">All limits; validated.</param>
    public void Apply(IReadOnlyList<BudgetOptions> budgets, IReadOnlyList<LimitOptions> limits)
    {
        var rules = budgets.Select(static budget => new BudgetRule(budget)).GroupBy(static rule => rule.Key).ToArray();
        lock (_gate)
        {
            var series = new SpendSeries[rules.Length];
            for (var i = 0; i < rules.Length; i++)
            {
                var one = series[i] = Array.Find(_series, old => old.Key == rules[i].Key) ?? Begin_NeedsGate(rules[i].Key, rules[i].First().Window);
                foreach (var rule in rules[i])
                {
                    rule.Since = Array.Find(one.Rules, rule.IsSame)?.Since ?? _rulesVersion + 1;
                }

                one.Rules = [.. rules[i]];
            }

            var now = _time.GetTimestamp();
            Volatile.Write(ref _limits, [.. limits.Select(limit => new LimitRule(
                limit, _time.TimestampFrequency, Array.Find(_limits, old => old.Options.Id == limit.Id), now))]);
            _rulesVersion++;
            Volatile.Write(ref _series, series);

            // So that budgets for one value are there to be seen before anybody spends.
            var at = Latest_NeedsGate(_time.GetUtcNow().UtcTicks);
            foreach (var one in series)
            {
                foreach (var rule in one.Rules.Where(static rule => rule.Options.Value != "*"))
                {
                    Account_NeedsGate(one, rule.Options.Value, at);
                }
            }
        }
    }

    /// <summary>A lease to be given to <see cref="TryAdmit"/>; given back by <see cref="Return"/>.</summary>
    public AdmissionLease Rent() => _leases.Rent();

    /// <summary>Takes back a lease; what it still holds is released.</summary>
    public void Return(AdmissionLease lease)
    {
        Release(lease);
        lease.Clear();
        _leases.Return(lease);
    }

    /// <summary>Lets a request in without a look: nothing is for it. Its end is told all the same, to whatever comes into force meanwhile.</summary>
    public void Begin(AdmissionLease lease)
    {
        lease.IsOpen = true;
        lease.At = _time.GetUtcNow().UtcTicks;
        lease.RulesVersion = -1;
    }

    /// <summary>Whether a request that costs anything at all would be refused now; takes nothing. For an answer before its body is sent.</summary>
    /// <param name="subject">Whose it is; its model is not looked at.</param>
    /// <param name="verdict">Why, when it would be.</param>
    public bool IsSpent(in SpendSubject subject, out AdmissionVerdict verdict)
    {
        var now = _time.GetUtcNow().UtcTicks;
        lock (_gate)
        {
            now = Latest_NeedsGate(now);
            SweepNowAndThen_NeedsGate(now, _time.GetTimestamp());
            foreach (var series in _series)
            {
                if (series.Key.Scope == ScopeKind.Model)
                {
                    continue;
                }

                var account = Account_NeedsGate(series, subject.ValueOf(series.Key.Scope), now);
                foreach (var cell in account.Cells)
                {
                    var rule = cell.Rule;
                    if (rule.Options.Mode != BudgetMode.Watch && rule.Options.ModelsWhenSpent.Count == 0 && account.SpentOf(rule) >= rule.LimitAt(now))
                    {
                        verdict = Spent(cell, needed: 0, now);
                        return true;
                    }
                }
            }
        }

        verdict = default;
        return false;
    }

    /// <summary>What has to be known of a metered request to decide: whether it costs nothing to guess, or everything counts.</summary>
    /// <param name="subject">Whose it is; its model is not looked at.</param>
    /// <param name="needsAmount">Whether what it may come to is looked at.</param>
    /// <param name="needsWhole">Whether its whole body is: a strict budget is for it, its model decides and must not be told in two ways, or streams are counted.</param>
    public void FindNeeds(in SpendSubject subject, out bool needsAmount, out bool needsWhole)
    {
        needsAmount = needsWhole = false;
        var now = _time.GetUtcNow().UtcTicks;
        lock (_gate)
        {
            now = Latest_NeedsGate(now);
            foreach (var limit in _limits)
            {
                var isFor = limit.Options.Scope == ScopeKind.Model || limit.IsFor(subject.ValueOf(limit.Options.Scope));
                needsWhole |= isFor && (limit.Options.Scope == ScopeKind.Model || limit.Options.Metric == LimitMetric.Streams);
                needsAmount |= isFor && (limit.Options.Scope == ScopeKind.Model || limit.Options.Metric is LimitMetric.Input or LimitMetric.Output or LimitMetric.Tokens);
            }

            foreach (var series in _series)
            {
                if (series.Key.Scope == ScopeKind.Model)
                {
                    needsAmount = needsWhole = true;
                    continue;
                }

                foreach (var cell in Account_NeedsGate(series, subject.ValueOf(series.Key.Scope), now).Cells)
                {
                    needsAmount = true;
                    needsWhole |= cell.Rule.Options.Mode == BudgetMode.Strict || cell.Rule.Options.ModelsWhenSpent.Count > 0;
                }
            }
        }
    }

    /// <summary>Lets a request in and reserves what it needs of everything that is for it, or reserves nothing.</summary>
    /// <param name="subject">Whose it is.</param>
    /// <param name="estimate">What it may come to.</param>
    /// <param name="isMetered">Whether it costs anything: budgets are only for those that do.</param>
    /// <param name="lease">From <see cref="Rent"/>; holds what was reserved.</param>
    /// <remarks>Hot path: no allocation once the accounts are there.</remarks>
    public AdmissionVerdict TryAdmit(in SpendSubject subject, in SpendEstimate estimate, bool isMetered, AdmissionLease lease)
    {
        var now = _time.GetUtcNow().UtcTicks;
        var timestamp = _time.GetTimestamp();
        lock (_gate)
        {
            now = Latest_NeedsGate(now);
            SweepNowAndThen_NeedsGate(now, timestamp);
            foreach (var rule in _limits)
            {
                if (MeetsLimit_NeedsGate(rule, subject, estimate, isMetered, timestamp, lease, out var verdict))
                {
                    lease.Clear();
                    return verdict;
                }
            }

            if (isMetered)
            {
                foreach (var series in _series)
                {
                    if (MeetsBudget_NeedsGate(series, subject, estimate, now, lease, out var verdict))
                    {
                        lease.Clear();
                        return verdict;
                    }
                }
            }

            Take_NeedsGate(lease, now, timestamp);
            lease.RulesVersion = _rulesVersion;
        }

        return default;
    }

    /// <summary>Output tokens of an answer of a model, on average of late; 0 while nothing is known.</summary>
    public long UsualOutputOf(string model)
    {
        lock (_gate)
        {
            return _usualOutput.GetValueOrDefault(model) / OutputWeight;
        }
    }

    /// <summary>Gives back what a request reserved, and adds what it came to; once.</summary>
    /// <param name="lease">What it reserved.</param>
    /// <param name="subject">Whose it was, by its row.</param>
    /// <param name="amount">What it came to.</param>
    /// <param name="place">Where its row is in the ledger's log.</param>
    /// <remarks>Hot path: no allocation.</remarks>
    public void Settle(AdmissionLease lease, in SpendSubject subject, in SpendAmount amount, long place)
    {
        if (IsEmpty && lease.Budgets.Count == 0 && lease.Limits.Count == 0)
        {
            // A series that begins after this has its cut behind the row.
            lease.IsOpen = false;
            return;
        }

        var now = _time.GetUtcNow().UtcTicks;
        var timestamp = _time.GetTimestamp();
        lock (_gate)
        {
            now = Latest_NeedsGate(now);
            if (!lease.IsOpen)
            {
                return;
            }

            GiveBack_NeedsGate(lease, amount, timestamp);
            NoteOutput_NeedsGate(subject.Model, amount.Output);
            for (var i = 0; i < _series.Length; i++)
            {
                if (place >= _series[i].Cut)
                {
                    var account = AccountOf_NeedsGate(lease, i, subject, now);
                    account.Add_NeedsGate(lease.At, amount.Usd, amount.Tokens);
                    Warn_NeedsGate(account, now);
                }
            }
        }
    }

    /// <summary>Gives back what a request reserved that never went upstream; once.</summary>
    public void Release(AdmissionLease lease)
    {
        if (!lease.IsOpen)
        {
            return;
        }

        lock (_gate)
        {
            if (lease.IsOpen)
            {
                GiveBack_NeedsGate(lease, default, _time.GetTimestamp());
            }
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<BudgetState> Budgets()
    {
        var now = _time.GetUtcNow().UtcTicks;
        var states = new List<BudgetState>();
        lock (_gate)
        {
            now = Latest_NeedsGate(now);
            foreach (var series in _series)
            {
                foreach (var account in series.Accounts)
                {
                    Refresh_NeedsGate(account, now);
                    foreach (var cell in account.Cells)
                    {
                        states.Add(StateOf(cell, now));
                    }
                }
            }
        }

        return states;
    }

    /// <inheritdoc/>
    public IReadOnlyList<LimitState> Limits()
    {
        var timestamp = _time.GetTimestamp();
        var states = new List<LimitState>();
        lock (_gate)
        {
            foreach (var rule in _limits)
            {
                foreach (var (value, cell) in rule.Cells)
                {
                    states.Add(new LimitState(rule.Options, value, cell.Used(timestamp)));
                }
            }
        }

        return states;
    }

    /// <summary>Adds what the ledger says was spent before a series counted by itself.</summary>
    /// <param name="series">From <see cref="Unread"/>.</param>
    /// <param name="sums">Its past.</param>
    internal void Open(SpendSeries series, IReadOnlyList<SpendSum> sums)
    {
        var now = _time.GetUtcNow().UtcTicks;
        lock (_gate)
        {
            now = Latest_NeedsGate(now);
            foreach (var sum in sums)
            {
                Account_NeedsGate(series, sum.Value, now).Add_NeedsGate(sum.At, sum.Usd, sum.Tokens);
            }

            series.SetKnown();
            if (Array.IndexOf(_series, series) < 0)
            {
                return; // No budget is for it any more: nobody is to be warned.
            }

            foreach (var account in series.Accounts)
            {
                Refresh_NeedsGate(account, now);
                Warn_NeedsGate(account, now);
            }
        }
    }

    private long Latest_NeedsGate(long now) => _latest = Math.Max(_latest, now);

    private SpendSeries Begin_NeedsGate(SeriesKey key, BudgetWindow window)
    {
        // The place is read under the gate: whoever settles after this sees the series, whoever settled before has its row before the place.
        var series = new SpendSeries(key, window, _tail?.Invoke() ?? 0);
        if (_tail is null)
        {
            series.SetKnown();
        }
        else
        {
            _unread.Writer.TryWrite(series);
        }

        return series;
    }

    private bool MeetsLimit_NeedsGate(
        LimitRule rule, in SpendSubject subject, in SpendEstimate estimate, bool isMetered, long timestamp, AdmissionLease lease, out AdmissionVerdict verdict)
    {
        verdict = default;
        var value = subject.ValueOf(rule.Options.Scope);
        if (!rule.IsFor(value))
        {
            return false;
        }

        var amount = rule.AmountOf(estimate, isMetered);
        if (amount == 0)
        {
            return false;
        }

        var cell = rule.CellOf_NeedsGate(value, timestamp, out var isNew);
        _untilSweep -= isNew ? 1 : 0;
        if (cell.Bucket is null ? cell.UnderWay < rule.Options.Limit : cell.Bucket.CanTake_NeedsLock(timestamp, amount))
        {
            lease.Limits.Add(new AdmissionLease.LimitHold(rule, cell, amount));
            return false;
        }

        verdict = new AdmissionVerdict
        {
            Answer = AdmissionAnswer.LimitReached,
            Limit = rule.Options,
            Value = value,
            Spent = cell.Used(timestamp),
            Most = rule.Options.Limit,
            Needed = amount,
            Wait = cell.Bucket?.WaitFor_NeedsLock(timestamp, amount) ?? TimeSpan.FromSeconds(1),
        };
        return true;
    }

    private bool MeetsBudget_NeedsGate(
        SpendSeries series, in SpendSubject subject, in SpendEstimate estimate, long now, AdmissionLease lease, out AdmissionVerdict verdict)
    {
        verdict = default;
        var account = Account_NeedsGate(series, subject.ValueOf(series.Key.Scope), now);
        lease.Accounts.Add(account);
        foreach (var cell in account.Cells)
        {
            var rule = cell.Rule;
            var hold = rule.HoldOf(estimate);
            if ((rule.Options.Mode == BudgetMode.Strict && (!series.IsKnown || estimate.Unbounded is not null))
                || (rule.Options.Mode != BudgetMode.Watch && estimate.IsUnmetered))
            {
                verdict = Spent(cell, hold, now) with
                {
                    Answer = series.IsKnown || estimate.IsUnmetered ? AdmissionAnswer.Unbounded : AdmissionAnswer.NotKnown,
                    WhenKnown = series.WhenKnown,
                };
                return true;
            }

            var limit = rule.LimitAt(now);
            var used = account.SpentOf(rule) + cell.Held + hold;
            if (used > limit && rule.Options.Mode != BudgetMode.Watch && !rule.LetsThrough(subject.Model))
            {
                verdict = Spent(cell, hold, now);
                return true;
            }

            lease.Budgets.Add(new AdmissionLease.BudgetHold(cell, account.Generation, hold));
            NoteTightest(lease, cell, limit, used);
        }

        return false;
    }

    private static void NoteTightest(AdmissionLease lease, BudgetCell cell, long limit, Int128 used)
    {
        if (!cell.Rule.IsUsd)
        {
            return;
        }

        var remaining = used >= limit ? 0 : (long)(limit - used);
        if (lease.RemainingUsd < 0 || remaining < lease.RemainingUsd)
        {
            lease.RemainingUsd = remaining;
            lease.TightestBudget = cell.Rule.Options.Id;
            lease.ResetAt = cell.Account.End;
            lease.TightestUsed = used;
            lease.TightestLimit = limit;
        }
    }

    private static void Take_NeedsGate(AdmissionLease lease, long now, long timestamp)
    {
        lease.IsOpen = true;
        lease.At = now;
        foreach (var hold in lease.Budgets)
        {
            hold.Cell.Held += hold.Amount;
        }

        foreach (var hold in lease.Limits)
        {
            hold.Cell.UnderWay++;
            hold.Cell.Bucket?.Take_NeedsLock(timestamp, hold.Amount);
        }
    }

    private static void GiveBack_NeedsGate(AdmissionLease lease, in SpendAmount amount, long timestamp)
    {
        lease.IsOpen = false;
        foreach (var hold in lease.Budgets)
        {
            if (hold.Cell.Account.Generation == hold.Generation)
            {
                hold.Cell.Held -= hold.Amount;
            }
        }

        foreach (var hold in lease.Limits)
        {
            hold.Cell.UnderWay--;
            if (hold.Rule.Options.Metric != LimitMetric.Requests)
            {
                hold.Cell.Bucket?.Correct_NeedsLock(timestamp, hold.Rule.Of(amount) - hold.Amount);
            }
        }
    }

    private void NoteOutput_NeedsGate(string model, long output)
    {
        if (output <= 0 || (_usualOutput.Count >= ModelsKept && !_usualOutput.ContainsKey(model)))
        {
            return;
        }

        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_usualOutput, model, out var isKnown);
        known = isKnown ? known + output - (known / OutputWeight) : output * OutputWeight;
    }

    private SpendAccount Account_NeedsGate(SpendSeries series, string value, long now)
    {
        var account = series.AccountOf_NeedsGate(value, out var isNew);
        _untilSweep -= isNew ? 1 : 0;
        Refresh_NeedsGate(account, now);
        return account;
    }

    // As a rule the account that it was admitted by; another where the model served is another, or rules changed.
    private SpendAccount AccountOf_NeedsGate(AdmissionLease lease, int index, in SpendSubject subject, long now)
    {
        var series = _series[index];
        var value = subject.ValueOf(series.Key.Scope);
        if (lease.RulesVersion != _rulesVersion || lease.Accounts.Count <= index || lease.Accounts[index] is not { IsGone: false } account || account.Value != value)
        {
            return Account_NeedsGate(series, value, now);
        }

        Refresh_NeedsGate(account, now);
        return account;
    }

    /// <summary>Brings an account to the present window and the present rules.</summary>
    private void Refresh_NeedsGate(SpendAccount account, long now)
    {
        account.Roll_NeedsGate(now);
        if (account.RulesVersion != _rulesVersion)
        {
            FindCells_NeedsGate(account);
        }
    }

    // Apart, because its lambdas capture: a closure would be made at each call, whether or not it comes to them.
    private void FindCells_NeedsGate(SpendAccount account)
    {
        var before = account.Cells;
        account.Cells = [.. account.Series.Rules.Where(rule => rule.IsFor(account.Value)).Select(rule => CellOf(rule, account, before))];
        account.RulesVersion = _rulesVersion;

        static BudgetCell CellOf(BudgetRule rule, SpendAccount account, BudgetCell[] before)
        {
            // The cell stays, so that what is reserved of it can be given back.
            var cell = Array.Find(before, old => old.Rule.Since == rule.Since && old.Rule.IsSame(rule)) ?? new BudgetCell(rule, account);
            cell.ChangeTo(rule);
            return cell;
        }
    }

    private void Warn_NeedsGate(SpendAccount account, long now)
    {
        if (!account.Series.IsKnown)
        {
            return; // Told once the past is known.
        }

        foreach (var cell in account.Cells)
        {
            while (cell.Reaches(now, out var threshold))
            {
                _warnings.Writer.TryWrite(new BudgetWarning(StateOf(cell, now), threshold));
            }

            while (Journal is not null && cell.Passes(now, out var mark))
            {
                Journal.Passed(StateOf(cell, now), mark, now);
            }
        }
    }

    // By what was made since, also for requests that are refused: each may name a session that nobody has seen. Where nothing new comes, nothing goes.
    private void SweepNowAndThen_NeedsGate(long now, long timestamp)
    {
        if (_untilSweep > 0)
        {
            return;
        }

        var kept = 0;
        foreach (var series in _series)
        {
            series.Sweep_NeedsGate(now);
            kept += series.Accounts.Count();
        }

        foreach (var limit in _limits)
        {
            limit.Sweep_NeedsGate(timestamp);
            kept += limit.Cells.Count();
        }

        // In proportion to what was looked through, so that whoever makes one pays for a few at most.
        _untilSweep = Math.Max(_sweepEvery, kept);
    }

    private static BudgetState StateOf(BudgetCell cell, long now)
    {
        var account = cell.Account;
        var isForEver = account.End == long.MaxValue;
        return new BudgetState(
            cell.Rule.Options,
            account.Value,
            account.SpentOf(cell.Rule),
            cell.ShownHeld,
            cell.Rule.LimitAt(now),
            isForEver ? null : new DateTimeOffset(account.Start, TimeSpan.Zero),
            isForEver ? null : new DateTimeOffset(account.End, TimeSpan.Zero),
            account.Series.IsKnown);
    }

    private static AdmissionVerdict Spent(BudgetCell cell, long needed, long now)
    {
        var limit = cell.Rule.LimitAt(now);
        return new AdmissionVerdict
        {
            Answer = AdmissionAnswer.BudgetSpent,
            Budget = cell.Rule.Options,
            Value = cell.Account.Value,
            Spent = cell.Account.SpentOf(cell.Rule),
            Held = cell.ShownHeld,
            Most = limit,
            Needed = needed,
            WindowStart = cell.Account.Start,
            WindowEnd = cell.Account.End,
            RetryAt = cell.Account.FreeAt(cell.Rule, Math.Max(0, limit - Math.Max(1, needed))),
        };
    }
}
