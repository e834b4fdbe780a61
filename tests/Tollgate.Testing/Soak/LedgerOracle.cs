using System.Globalization;
using Tollgate.Testing.Gateway;

namespace Tollgate.Testing.Soak;

/// <summary>What is wrong with a ledger, compared with what clients got and what the upstream served.</summary>
/// <remarks>Units: rows, tokens, nanodollars. Drift is the sum of absolute differences, so that one error can't hide another.</remarks>
public sealed record LedgerVerdict
{
    /// <summary>Answers that clients got in full.</summary>
    public required int Answered { get; init; }

    /// <summary>Rows, read through <c>FINAL</c>.</summary>
    public required int Rows { get; init; }

    /// <summary>Rows of attempts that were open when the gateway was killed.</summary>
    public required int Crashed { get; init; }

    /// <summary>Answers without a row.</summary>
    public required int Missing { get; init; }

    /// <summary>Rows too many: of an attempt, a reply or an answer that has one already.</summary>
    public required int Duplicates { get; init; }

    /// <summary>Rows that say something impossible: another outcome than the client saw, or a reply that was never served.</summary>
    public required int Misfiled { get; init; }

    /// <summary>Replies that reached a client in part or not at all and have no row, beyond the rows of attempts that know no reply.</summary>
    public required int Unaccounted { get; init; }

    /// <summary>Replies served, but not known to have reached a client in full.</summary>
    public required int InFlight { get; init; }

    /// <summary>Rows with other figures than their reply's.</summary>
    public required int Drifting { get; init; }

    /// <summary>Tokens that those rows have too many or too few.</summary>
    public required long TokenDrift { get; init; }

    /// <summary>Nanodollars that those rows have too many or too few.</summary>
    public required long CostDrift { get; init; }

    /// <summary>Sum of the tokens that the upstream charged for the answers, and of those in their rows.</summary>
    public required (Int128 Served, Int128 Recorded) Tokens { get; init; }

    /// <summary>The same in nanodollars.</summary>
    public required (Int128 Served, Int128 Recorded) Cost { get; init; }

    /// <summary>The first offences in words: what was expected and what was found.</summary>
    public required IReadOnlyList<string> Offences { get; init; }

    /// <summary>Whether the ledger is exact.</summary>
    public bool IsExact => Missing == 0 && Duplicates == 0 && Misfiled == 0 && Unaccounted == 0 && Drifting == 0;
}

/// <summary>Holds rows to what is known from outside: A, the answers that clients got in full, and U, the replies that the upstream served.</summary>
/// <remarks>
/// 1. Each of A has one row, with the outcome the client saw, and the upstream's tokens and price.
/// 2. No attempt, no reply and no answer has two.
/// 3. Each row names a reply of U, or says why it knows none.
/// 4. A row with final figures has those of its reply, whether or not the client got it.
/// 5. Each of U has a row, by its id or as one of the rows that know no reply: an attempt that was open when its gateway was killed.
/// </remarks>
public sealed class LedgerOracle
{
    /// <summary>Offences told in words; the rest is only counted.</summary>
    public const int OffencesTold = 20;

    private readonly IReadOnlyList<CallKind> _served;
    private readonly Dictionary<Guid, Answered> _answered = [];
    private readonly HashSet<Guid> _answeredWithRow = [];
    private readonly HashSet<Guid> _attempts = [];
    private readonly HashSet<int> _repliesWithRow = [];
    private readonly List<string> _offences = [];
    private int _rows;
    private int _crashed;
    private int _withoutReply;
    private int _duplicates;
    private int _misfiled;
    private int _drifting;
    private long _tokenDrift;
    private long _costDrift;
    private Int128 _recordedTokens;
    private Int128 _recordedCost;

    /// <summary>An oracle that has seen no row yet.</summary>
    /// <param name="answered">What clients got in full.</param>
    /// <param name="served">Kinds of the upstream's replies, the first of them number 1.</param>
    public LedgerOracle(IEnumerable<Answered> answered, IReadOnlyList<CallKind> served)
    {
        _served = served;
        foreach (var answer in answered)
        {
            if (!_answered.TryAdd(answer.RequestId, answer))
            {
                _misfiled++;
                Tell($"request {answer.RequestId}: the gateway gave this id to two calls");
            }
        }
    }

    /// <summary>Looks at one row.</summary>
    public void See(SoakRow row)
    {
        _rows++;
        _crashed += row.Outcome == "crashed" ? 1 : 0;
        var number = 0;
        if (row.UpstreamRequestId.Length == 0)
        {
            _withoutReply++;
        }
        else if (!NumberedReply.TryNumberOf(row.UpstreamRequestId, out number) || number < 1 || number > _served.Count)
        {
            _misfiled++;
            Tell($"attempt {row.AttemptId}: reply \"{row.UpstreamRequestId}\" was never served");
            return;
        }

        var isNewAttempt = _attempts.Add(row.AttemptId);
        var isNewReply = number == 0 || _repliesWithRow.Add(number);
        var isAnswered = _answered.TryGetValue(row.RequestId, out var answer);
        var isFirstOfAnswer = !isAnswered || _answeredWithRow.Add(row.RequestId);
        if (!isNewAttempt || !isNewReply || !isFirstOfAnswer)
        {
            _duplicates++;
            Tell($"request {row.RequestId}, attempt {row.AttemptId}, reply {number}: a second row, {row.Outcome}");
        }
        else if (isAnswered)
        {
            Compare(row, answer, number);
        }
        else if (row.UsageSource == "final" || row.Outcome == "completed")
        {
            CompareUnanswered(row, number);
        }
    }

    /// <summary>What it comes to, once every row was seen.</summary>
    public LedgerVerdict Judge()
    {
        var missing = 0;
        Int128 servedTokens = 0, servedCost = 0;
        foreach (var answer in _answered.Values)
        {
            var (tokens, cost) = Charged(answer.Number, answer.Kind);
            servedTokens += tokens;
            servedCost += cost;
            if (!_answeredWithRow.Contains(answer.RequestId))
            {
                missing++;
                Tell($"request {answer.RequestId}, reply {answer.Number} ({answer.Kind}): no row, {tokens} tokens and {Dollars(cost)} expected");
            }
        }

        // Answers without a row are missing; they are not counted again.
        var answeredNumbers = _answered.Values.Select(static answer => answer.Number).ToHashSet();
        var inFlight = _served.Count - answeredNumbers.Count;
        var withoutRow = Enumerable.Range(1, _served.Count).Count(number => !answeredNumbers.Contains(number) && !_repliesWithRow.Contains(number));
        var unaccounted = Math.Max(0, withoutRow - _withoutReply);
        return new LedgerVerdict
        {
            Answered = _answered.Count,
            Rows = _rows,
            Crashed = _crashed,
            Missing = missing,
            Duplicates = _duplicates,
            Misfiled = _misfiled,
            Unaccounted = unaccounted,
            InFlight = inFlight,
            Drifting = _drifting,
            TokenDrift = _tokenDrift,
            CostDrift = _costDrift,
            Tokens = (servedTokens, _recordedTokens),
            Cost = (servedCost, _recordedCost),
            Offences = _offences,
        };
    }

    private void Compare(SoakRow row, Answered answer, int number)
    {
        var outcome = answer.Kind == CallKind.Overloaded ? "upstream_error" : "completed";
        if (row.Outcome != outcome || number != answer.Number)
        {
            _misfiled++;
            Tell($"request {row.RequestId}: {outcome} with reply {answer.Number} expected, {row.Outcome} with reply {number} found");
        }

        _recordedTokens += row.Tokens;
        _recordedCost += row.Cost;
        CompareFigures(row, answer.Number, answer.Kind);
    }

    private void CompareUnanswered(SoakRow row, int number)
    {
        if (number == 0)
        {
            _misfiled++;
            Tell($"attempt {row.AttemptId}: {row.Outcome} with {row.UsageSource} figures, but of no reply");
            return;
        }

        CompareFigures(row, number, _served[number - 1]);
    }

    private void CompareFigures(SoakRow row, int number, CallKind kind)
    {
        var expected = NumberedReply.FiguresOf(number, kind);
        var cost = Charged(number, kind).Cost;
        var drift = Math.Abs(row.Input - expected.Input) + Math.Abs(row.CacheWrite5m - expected.CacheWrite5m) + Math.Abs(row.CacheWrite1h - expected.CacheWrite1h)
            + Math.Abs(row.CacheRead - expected.CacheRead) + Math.Abs(row.Output - expected.Output);
        if (drift == 0 && row.Cost == cost)
        {
            return;
        }

        _drifting++;
        _tokenDrift += drift;
        _costDrift += Math.Abs(row.Cost - cost);
        Tell($"attempt {row.AttemptId}, reply {number}: {expected.Input}/{expected.CacheWrite5m}/{expected.CacheWrite1h}/{expected.CacheRead}/{expected.Output} tokens and {Dollars(cost)} expected, "
            + $"{row.Input}/{row.CacheWrite5m}/{row.CacheWrite1h}/{row.CacheRead}/{row.Output} and {Dollars(row.Cost)} found ({row.Outcome}, {row.UsageSource})");
    }

    private static (long Tokens, long Cost) Charged(int number, CallKind kind)
    {
        var figures = NumberedReply.FiguresOf(number, kind);
        return (figures.Prompt + figures.Output, (long)(UpstreamPrice.OfOpus48(figures) * 1_000_000_000m));
    }

    private static string Dollars(long nano) => string.Create(CultureInfo.InvariantCulture, $"${nano / 1_000_000_000m:0.000000000}");

    private void Tell(string offence)
    {
        if (_offences.Count < OffencesTold)
        {
            _offences.Add(offence);
        }
    }
}
