using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Tests.Admission;

/// <summary>Something that is wrong on purpose, to see whether a schedule notices.</summary>
internal enum AdmissionMutant
{
    None,
    SettledTwice,
    HeldAfterRefusal,
    ReleasedInWrongWindow,
    CountedInLaterWindow,
    CutIgnoredWhenRead,
    CutIgnoredWhenSettled,
    CheckedApartFromTaking,
    NeverReleased,
}

/// <summary>A run of one book through random events, held to <see cref="AdmissionModel"/> after every step.</summary>
/// <remarks>
/// One seed, one run. Half of the runs look at all states after each step; the others seldom, because whoever looks also brings accounts up to date.
/// </remarks>
internal sealed class AdmissionSchedule
{
    private static readonly DateTimeOffset[] Starts =
    [
        At("2026-03-08T06:58:00Z"), At("2026-11-01T05:55:00Z"), // New York sets its clocks
        At("2026-04-04T14:50:00Z"), At("2026-10-03T15:20:00Z"), // Lord Howe does, by half an hour
        At("2026-01-31T23:58:30Z"), At("2028-02-28T23:50:00Z"), At("2028-02-29T23:59:00Z"), At("2026-12-31T22:30:00Z"), At("2026-11-25T12:00:00Z"),
    ];

    private static readonly TimeSpan[] Pauses =
    [
        TimeSpan.FromTicks(1), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(20), TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(4), TimeSpan.FromMinutes(33),
        TimeSpan.FromHours(1), TimeSpan.FromHours(7), TimeSpan.FromDays(1), TimeSpan.FromDays(31),
    ];

    private static readonly string[] Windows = ["minute", "hour", "day", "week", "month", "quarter", "year", "1m", "7m", "61m", "5h", "24h", "30d", "lifetime"];
    private static readonly string[] Zones = ["UTC", "America/New_York", "Australia/Lord_Howe"];
    private static readonly string[] Models = ["opus", "haiku", "sonnet"];
    private static readonly int[][] Thresholds = [[50, 80, 95], [], [1, 4], [100, 20], [90]];
    private static readonly ScopeKind[] Scopes = Enum.GetValues<ScopeKind>();

    private readonly Random _random;
    private readonly AdmissionMutant _mutant;
    private readonly HandClock _clock;
    private readonly bool _looksAlways;
    private readonly bool _readsAtOnce;
    private readonly bool _hasHugeAmounts;
    private readonly List<string>? _log;
    private readonly List<(SpendSeries Series, IReadOnlyList<SpendSum>? Sums)> _unread = [];
    private readonly List<Request> _under = [];
    private readonly List<Request> _ended = [];
    private readonly List<BudgetOptions> _retired = [];
    private readonly List<BudgetOptions> _budgets = [];
    private readonly List<LimitOptions> _limits = [];
    private AdmissionBook _book;
    private AdmissionModel _model;
    private int _names;

    public AdmissionSchedule(int seed, AdmissionMutant mutant = AdmissionMutant.None, List<string>? log = null)
    {
        _random = new Random(seed);
        _mutant = mutant;
        _log = log;
        _clock = new HandClock(Starts[_random.Next(Starts.Length)]);
        _looksAlways = _random.Next(2) == 0;
        _readsAtOnce = _random.Next(2) == 0;
        _hasHugeAmounts = _random.Next(8) == 0;
        _model = new AdmissionModel(_clock.Ticks);
        _book = NewBook();
        Change();
    }

    public int Admitted { get; private set; }

    public int Refused { get; private set; }

    public void Run()
    {
        var steps = 20 + _random.Next(60);
        for (var i = 0; i < steps; i++)
        {
            Step(_random.Next(100));
            if (_looksAlways || _random.Next(10) == 0)
            {
                Look();
            }
        }

        // In the end everything is read and everybody done: nothing is held, and the books are the ledger's.
        while (_unread.Count > 0)
        {
            Read();
        }

        while (_under.Count > 0)
        {
            Settle(_under[^1]);
        }

        Look();
        Must.Be(_book.Budgets().All(static state => state.Held == 0), $"something is still held");
    }

    private static DateTimeOffset At(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);

    private void Step(int kind)
    {
        switch (kind)
        {
            case < 36:
                Admit();
                break;
            case < 52 when _under.Count > 0:
                Settle(_under[_random.Next(_under.Count)]);
                break;
            case < 58 when _under.Count > 0:
                Close(_under[_random.Next(_under.Count)]);
                break;
            case < 64 when _under.Count > 0:
                Release(_under[_random.Next(_under.Count)]);
                break;
            case < 70 when _ended.Count > 0:
                EndAgain(_ended[_random.Next(_ended.Count)]);
                break;
            case < 82:
                var pause = Pauses[_random.Next(_random.Next(3) == 0 ? Pauses.Length : 6)];
                Note($"{pause} pass");
                _clock.Pass(pause);
                break;
            case < 84:
                pause = Pauses[_random.Next(Pauses.Length)];
                Note($"the clock is set back by {pause}");
                _clock.SetBack(pause);
                break;
            case < 90:
                Change();
                break;
            case < 96:
                Read();
                break;
            case < 98:
                AskWhetherSpent();
                break;
            case < 99:
                Restart();
                break;
            default:
                Admit();
                break;
        }
    }

    private void Admit()
    {
        var subject = SomeSubject();
        var expected = SomeAmount();
        var most = new SpendAmount(expected.Usd + _random.Next(30), expected.Input, expected.Output, expected.Tokens + _random.Next(30));
        var estimate = new SpendEstimate(most, _random.Next(12) == 0 ? "Nothing bounds it." : null, expected, _random.Next(2) == 0);
        var isMetered = _random.Next(10) > 0;
        var request = new Request(_book.Rent(), subject, isMetered);
        var apart = _mutant == AdmissionMutant.CheckedApartFromTaking ? _under.FirstOrDefault(static one => one.Lease.Budgets.Count > 0) : null;
        Hold(apart, -1);
        _model.Seen(_clock.Ticks);
        var expectation = _model.Decide(subject, estimate, isMetered, _clock.GetTimestamp());
        var verdict = _book.TryAdmit(subject, estimate, isMetered, request.Lease);
        Hold(apart, 1);
        Note($"admit {subject.KeyId} {subject.Team} {subject.Model} {subject.Session}, most {most.Usd}/{most.Tokens}, expected {expected.Usd}/{expected.Tokens}: {verdict.Answer} {verdict.Budget?.Id}{verdict.Limit?.Id}");
        Compare(expectation, verdict);
        if (verdict.Answer == AdmissionAnswer.Admitted)
        {
            Admitted++;
            request.Holds = _model.Take(subject, estimate, isMetered, _clock.Ticks, _clock.GetTimestamp());
            _under.Add(request);
            Must.Be(request.Lease.IsOpen, $"the lease of an admitted request is not open");
        }
        else
        {
            Refused++;
            Must.Be(!request.Lease.IsOpen && request.Lease.Budgets.Count == 0 && request.Lease.Limits.Count == 0, $"a refused request has a reserve");
            HoldAfterRefusal(subject, verdict);
            _book.Return(request.Lease);
        }
    }

    private void Close(Request request)
    {
        if (request.Row is not null)
        {
            return;
        }

        var amount = request.IsMetered ? SomeAmount() : default;
        var served = _random.Next(6) == 0 ? request.Subject with { Model = Models[_random.Next(Models.Length)] } : request.Subject;
        request.Row = _model.Close(request.Holds!, served, amount);
        Note($"close {request.Subject.KeyId} at {request.Row.Place}: {amount.Usd}/{amount.Tokens}");
    }

    private void Settle(Request request)
    {
        Close(request);
        var row = request.Row!;
        _model.Seen(_clock.Ticks);
        if (_mutant == AdmissionMutant.CountedInLaterWindow)
        {
            request.Lease.At = _clock.Ticks;
        }

        _book.Settle(request.Lease, row.Subject, row.Amount, _mutant == AdmissionMutant.CutIgnoredWhenSettled ? long.MaxValue : row.Place);
        if (_mutant == AdmissionMutant.SettledTwice)
        {
            request.Lease.IsOpen = true;
            _book.Settle(request.Lease, row.Subject, row.Amount, row.Place);
        }

        _model.Settle(request.Holds!, row, _clock.GetTimestamp());
        Note($"settle {row.Place}");
        End(request);
        HearWarnings();
        _model.RequireTold(row);
    }

    private void Release(Request request)
    {
        if (request.Row is not null)
        {
            return; // It has a row: it will be settled.
        }

        var isReturned = _random.Next(2) == 0;
        Note($"release {request.Subject.KeyId}");
        if (_mutant == AdmissionMutant.NeverReleased)
        {
            _under.Remove(request);
        }
        else if (isReturned)
        {
            _book.Return(request.Lease);
            _under.Remove(request);
        }
        else
        {
            _book.Release(request.Lease);
            End(request);
        }

        _model.Release(request.Holds!, _clock.GetTimestamp());
    }

    private void End(Request request)
    {
        if (_mutant == AdmissionMutant.ReleasedInWrongWindow)
        {
            foreach (var hold in request.Lease.Budgets.Where(static hold => hold.Cell.Account.Generation != hold.Generation))
            {
                hold.Cell.Held -= hold.Amount;
            }
        }

        _under.Remove(request);
        _ended.Add(request);
    }

    private void EndAgain(Request request)
    {
        Note($"end again");
        switch (_random.Next(3))
        {
            case 0:
                _book.Settle(request.Lease, request.Subject, SomeAmount(), _model.Tail);
                _model.Seen(_clock.Ticks);
                break;
            case 1:
                _book.Release(request.Lease);
                break;
            default:
                _book.Return(request.Lease);
                _ended.Remove(request);
                break;
        }
    }

    private void Change()
    {
        for (var i = _random.Next(_budgets.Count == 0 ? 6 : 3); i >= 0; i--)
        {
            ChangeOne();
        }

        Apply();
    }

    private void ChangeOne()
    {
        var at = _budgets.Count == 0 ? -1 : _random.Next(_budgets.Count);
        switch (_random.Next(8))
        {
            case 0 when at >= 0:
                _retired.Add(_budgets[at]);
                _budgets.RemoveAt(at);
                break;
            case 1 when _retired.Count > 0:
                var again = _retired[_random.Next(_retired.Count)];
                if (!_budgets.Exists(one => one.Id == again.Id))
                {
                    _budgets.Add(again);
                }

                break;
            case 2 when at >= 0:
                var isUsd = _budgets[at].LimitUsd is not null;
                var limit = SomeLimit();
                _budgets[at] = _budgets[at] with { LimitUsd = isUsd ? new Nanodollars(limit) : null, LimitTokens = isUsd ? null : limit, Thresholds = Some(Thresholds) };
                break;
            case 3 when at >= 0:
                _budgets[at] = _budgets[at] with { Mode = (BudgetMode)_random.Next(3), Raises = SomeRaises() };
                break;
            case 4 when at >= 0 && _random.Next(3) == 0:
                var (usd, tokens) = (_budgets[at].LimitUsd, _budgets[at].LimitTokens);
                _budgets[at] = _budgets[at] with { LimitUsd = tokens is { } other ? new Nanodollars(other) : null, LimitTokens = usd?.Value };
                break;
            case 5:
                ChangeLimits();
                break;
            default:
                if (_budgets.Count < 6)
                {
                    _budgets.Add(SomeBudget());
                }

                break;
        }
    }

    private void ChangeLimits()
    {
        if (_limits.Count > 0 && _random.Next(2) == 0)
        {
            var at = _random.Next(_limits.Count);
            _limits[at] = _limits[at] with { Limit = 1 + _random.Next(60), Burst = _random.Next(3) * 20 };
        }
        else if (_limits.Count == 3)
        {
            _limits.RemoveAt(_random.Next(3));
        }
        else
        {
            var scope = Some(Scopes);
            _limits.Add(new LimitOptions
            {
                Id = $"l{_names++}",
                Scope = scope,
                Value = SomeValue(scope),
                Metric = (LimitMetric)_random.Next(6),
                Limit = 1 + _random.Next(60),
                Per = Some<TimeSpan>([TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1), TimeSpan.FromHours(7), TimeSpan.FromDays(31)]),
                Burst = _random.Next(3) * 20,
            });
        }
    }

    private void Apply()
    {
        foreach (var budget in _budgets)
        {
            Note($"budget {budget.Id}: {budget.Scope} {budget.Value} {budget.LimitUsd?.Value.ToString(CultureInfo.InvariantCulture) ?? "-"}/{budget.LimitTokens} per {budget.Window} {budget.TimeZone} {budget.Mode} raises {budget.Raises.Count} models {budget.ModelsWhenSpent.Count}");
        }

        foreach (var limit in _limits)
        {
            Note($"limit {limit.Id}: {limit.Scope} {limit.Value} {limit.Limit} {limit.Metric} per {limit.Per} burst {limit.Burst}");
        }

        _model.Seen(_clock.Ticks);
        _book.Apply(_budgets, _limits);
        _model.Apply(_budgets, _limits, _clock.GetTimestamp());
        while (_book.Unread.TryRead(out var series))
        {
            Must.Be(_model.TryBegin(series), $"the past of {series.Key} is to be read from {series.Cut}, and {_model.Tail} is the place");
            _unread.Add((series, null));
        }

        while (_unread.Count > 0 && _readsAtOnce)
        {
            Read();
        }
    }

    /// <summary>Asks the ledger for a past, or tells the book what it said: between the two anything may happen.</summary>
    private void Read()
    {
        if (_unread.Count == 0)
        {
            return;
        }

        var at = _random.Next(_unread.Count);
        var (series, sums) = _unread[at];
        if (sums is null)
        {
            _model.Seen(_clock.Ticks);
            Must.Be(_book.Now == _model.Now, $"the clock of the book went back");
            series.Window.Find(_book.Now, out var start, out _);
            _unread[at] = (series, _model.Sums(series.Key, series.Window, start, _mutant == AdmissionMutant.CutIgnoredWhenRead ? long.MaxValue : series.Cut));
            Note($"ask for {series.Key} before {series.Cut}: {_unread[at].Sums!.Count} sums");
            return;
        }

        Note($"open {series.Key}");
        _unread.RemoveAt(at);
        _model.Seen(_clock.Ticks);
        _book.Open(series, sums);
        _model.Open(series);
        HearWarnings();
    }

    private void AskWhetherSpent()
    {
        var subject = SomeSubject();
        _model.Seen(_clock.Ticks);
        var expectation = _model.IsSpent(subject);
        Must.Be(_book.IsSpent(subject, out var verdict) == expectation is not null, $"IsSpent says {verdict.Budget?.Id}, the model {expectation?.Budget?.Id}");
        if (expectation is not null)
        {
            Compare(expectation, verdict);
        }
    }

    private void Restart()
    {
        Note($"restart");
        foreach (var request in _under.Where(static request => request.Row is null && request.Holds is not null))
        {
            if (_random.Next(2) == 0)
            {
                Close(request); // Its draft became a row.
            }
        }

        if (_model.Now > _clock.Ticks)
        {
            // A restart while the clock is behind would find rows of the future, which a sum without an end counts now and the next window not.
            _clock.Pass(TimeSpan.FromTicks(_model.Now - _clock.Ticks));
        }

        _under.Clear();
        _ended.Clear();
        _unread.Clear();
        _model = _model.AfterRestart(_clock.Ticks);
        _book = NewBook();
        Apply();
    }

    private AdmissionBook NewBook() => new(_clock, () => _model.Tail, sweepEvery: 1);

    private void Look()
    {
        _model.Seen(_clock.Ticks);
        _model.Compare(_book.Budgets());
        _model.Compare(_book.Limits(), _clock.GetTimestamp());
        foreach (var request in _under)
        {
            Must.Be(request.Lease.IsOpen, $"a lease was given back by nobody");
        }
    }

    private void HearWarnings()
    {
        while (_book.Warnings.TryRead(out var warning))
        {
            Note($"warned {warning.State.Budget.Id} {warning.State.Value} {warning.Threshold}");
            _model.Hear(warning);
        }
    }

    private static void Compare(Expectation expectation, in AdmissionVerdict verdict)
    {
        Must.Be(verdict.Answer == expectation.Answer, $"{verdict.Answer} {verdict.Budget?.Id}{verdict.Limit?.Id}, and the model says {expectation}");
        if (verdict.Answer != AdmissionAnswer.Admitted)
        {
            Must.Be(
                verdict.Budget == expectation.Budget && verdict.Limit == expectation.Limit && verdict.Value == expectation.Value,
                $"refused by {verdict.Budget?.Id}{verdict.Limit?.Id} for {verdict.Value}, and the model says {expectation}");
            Must.Be(
                verdict.Spent == expectation.Spent && verdict.Held == expectation.Held && verdict.Most == expectation.Most && verdict.Needed == expectation.Needed,
                $"{verdict.Spent} spent, {verdict.Held} held, {verdict.Needed} needed of {verdict.Most}, and the model says {expectation}");
            Must.Be(expectation.IsRightTime(verdict), $"asking again at {verdict.RetryAt} or in {verdict.Wait} is too early or too late");
        }
    }

    /// <summary>Mutant: the reserve of a request is not seen by a check that goes on beside it.</summary>
    private static void Hold(Request? request, int sign)
    {
        foreach (var hold in request?.Lease.Budgets ?? [])
        {
            if (hold.Cell.Account.Generation == hold.Generation)
            {
                hold.Cell.Held += sign * hold.Amount;
            }
        }
    }

    /// <summary>Mutant: what was reserved before a later budget refused stays reserved.</summary>
    private void HoldAfterRefusal(in SpendSubject subject, in AdmissionVerdict verdict)
    {
        if (_mutant == AdmissionMutant.HeldAfterRefusal && verdict.Budget is not null
            && _model.FirstSeries is { } first && first.TryFind_NeedsGate(subject.ValueOf(first.Key.Scope), out var account)
            && account.Cells.Length > 0 && account.Cells[0].Rule.Options != verdict.Budget)
        {
            account.Cells[0].Held += 1 + verdict.Needed;
        }
    }

    private BudgetOptions SomeBudget()
    {
        var scope = Some(Scopes);
        var window = Some(Windows);
        var isUsd = _random.Next(2) == 0;
        var limit = SomeLimit();
        return new BudgetOptions
        {
            Id = $"b{_names++}",
            Scope = scope,
            Value = SomeValue(scope),
            LimitUsd = isUsd ? new Nanodollars(limit) : null,
            LimitTokens = isUsd ? null : limit,
            Window = window,
            TimeZone = char.IsDigit(window[0]) || window == "lifetime" ? "UTC" : Some(Zones),
            Mode = (BudgetMode)_random.Next(3),
            Thresholds = Some(Thresholds),
            ModelsWhenSpent = _random.Next(4) == 0 ? ["hai*"] : [],
            Raises = SomeRaises(),
        };
    }

    private List<RaiseOptions> SomeRaises() => _random.Next(4) > 0 ? [] :
    [
        new RaiseOptions { Usd = new(_random.Next(100)), Tokens = _random.Next(100), Until = _clock.GetUtcNow() + Some(Pauses) },
        new RaiseOptions { Usd = new(_random.Next(100)), Tokens = _random.Next(100), Until = _clock.GetUtcNow() + Some(Pauses) },
    ];

    private long SomeLimit() => _random.Next(12) switch
    {
        0 => 0,
        1 => long.MaxValue,
        2 => long.MaxValue - _random.Next(40),
        _ => _random.Next(200),
    };

    private SpendAmount SomeAmount()
    {
        if (_hasHugeAmounts && _random.Next(3) == 0)
        {
            return new SpendAmount(long.MaxValue / 3, 1_000_000_000_000, 1_000, long.MaxValue / 3);
        }

        var (input, output) = (_random.Next(20), _random.Next(12));
        return new SpendAmount(_random.Next(40), input, output, input + output + _random.Next(12));
    }

    private string SomeValue(ScopeKind scope)
    {
        var value = SomeSubject().ValueOf(scope);
        return scope == ScopeKind.Everything ? string.Empty : value.Length == 0 || _random.Next(2) == 0 ? "*" : value;
    }

    private SpendSubject SomeSubject() => new(
        Some<string>(["acme", "bolt"]),
        Some<string>(["search", "ads"]),
        Some<string>(["p", "q", ""]),
        Some<string>(["k1", "k2", "k3"]),
        Some<string>(["ann", "bob"]),
        Some(Models),
        Some<string>(["s1", "s2", ""]));

    private T Some<T>(T[] values) => values[_random.Next(values.Length)];

    private void Note([InterpolatedStringHandlerArgument("")] ref Sentence line) => _log?.Add($"{_clock.GetUtcNow():u} {line.Text}");

    /// <summary>A line of the log; not put together when there is none.</summary>
    [InterpolatedStringHandler]
    internal readonly ref struct Sentence
    {
        private readonly StringBuilder? _text;

        public Sentence(int literals, int values, AdmissionSchedule schedule, out bool isWanted)
        {
            isWanted = schedule._log is not null;
            _text = isWanted ? new StringBuilder(literals + (8 * values)) : null;
        }

        public string Text => _text?.ToString() ?? string.Empty;

        public void AppendLiteral(string text) => _text!.Append(text);

        public void AppendFormatted<T>(T value) => _text!.Append(CultureInfo.InvariantCulture, $"{value}");
    }

    private sealed class Request(AdmissionLease lease, SpendSubject subject, bool isMetered)
    {
        public AdmissionLease Lease { get; } = lease;

        public SpendSubject Subject { get; } = subject;

        public bool IsMetered { get; } = isMetered;

        public AdmissionModel.Holds? Holds { get; set; }

        public AdmissionModel.Row? Row { get; set; }
    }
}

/// <summary>What the model expects of an answer.</summary>
internal sealed record Expectation(AdmissionAnswer Answer)
{
    public BudgetOptions? Budget { get; init; }

    public LimitOptions? Limit { get; init; }

    public string? Value { get; init; }

    public long Spent { get; init; }

    public long Held { get; init; }

    public long Most { get; init; }

    public long Needed { get; init; }

    /// <summary>Whether the verdict tells the right time to ask again.</summary>
    public Func<AdmissionVerdict, bool> IsRightTime { get; init; } = static _ => true;
}
