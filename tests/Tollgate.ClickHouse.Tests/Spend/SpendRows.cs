using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests.Spend;

/// <summary>Sixty days of a small organisation, the same each time.</summary>
/// <remarks>
/// From 17 September to 15 November 2026: clocks go back in Berlin on 25 October and in New York on 1 November. Less at weekends, one developer who leaves,
/// one who comes, one day that runs away, errors and cut streams among the rest.
/// </remarks>
internal static class SpendRows
{
    public const string Gateway = "gw-a";

    /// <summary>The number that no row has.</summary>
    public const ulong Lost = 77;

    private const int Days = 60;
    private const int RunawayDay = 50;

    private static readonly string[] Developers = ["ada", "ben", "cho", "dina", "eli", "fay"];
    private static readonly string[] Teams = ["search", "search", "ads", "ads", "core", "core"];
    private static readonly string[] Projects = ["ranking", "index", "billing", "site"];
    private static readonly string[] Models = ["claude-opus-5-5", "claude-sonnet-5-5", "claude-haiku-5-5"];

    /// <summary>Midnight of the first day, UTC.</summary>
    public static DateTimeOffset Begin { get; } = new(2026, 9, 17, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The rows, in order of time.</summary>
    public static UsageRow[] All { get; } = [.. Make().OrderBy(static row => row.Timestamp)];

    private static IEnumerable<UsageRow> Make()
    {
        var random = new Random(20260917);
        ulong sequence = 0;
        for (var day = 0; day < Days; day++)
        {
            var date = Begin.AddDays(day);
            var isWeekend = date.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday;
            for (var person = 0; person < Developers.Length; person++)
            {
                var isAway = (person == 1 && day > 40) || (person == 4 && day < 35);
                var count = isAway ? 0 : isWeekend ? random.Next(2) : 5 + random.Next(5);
                if (person == 2 && day == RunawayDay)
                {
                    count = 60;
                }

                for (var i = 0; i < count; i++)
                {
                    sequence += sequence + 1 == Lost ? 2ul : 1ul;
                    yield return Row(random, sequence, date.AddMilliseconds(random.Next(86_400_000)), person, day);
                }
            }
        }
    }

    private static UsageRow Row(Random random, ulong sequence, DateTimeOffset at, int person, int day)
    {
        var model = random.Next(Models.Length);
        var tokens = new TokenUsage(random.Next(5_000), random.Next(150_000), random.Next(9_000), random.Next(3_000), random.Next(6_000), 0);
        var price = 5L - (2 * model);
        var cost = new Cost(
            new(tokens.Input * price * 1_000 + random.Next(1_000)),
            new(tokens.Output * price * 5_000),
            new(tokens.CacheRead * price * 100),
            new((tokens.CacheWrite5m * price * 1_250) + (tokens.CacheWrite1h * price * 2_000)),
            new(random.Next(20) == 0 ? 10_000_000 : 0),
            default);
        var isWrong = random.Next(25) == 0;
        var isCut = !isWrong && random.Next(30) == 0;
        return new UsageRow
        {
            Timestamp = DateTimeOffset.FromUnixTimeMilliseconds(at.ToUnixTimeMilliseconds()),
            RequestId = Id(random),
            AttemptId = Id(random),
            GatewayId = Gateway,
            Sequence = sequence,
            Customer = "acme",
            Team = Teams[person],
            Project = Projects[random.Next(Projects.Length)],
            Developer = Developers[person],
            KeyId = $"key-{Developers[person]}",
            SessionId = $"{Developers[person]}-{day}-{random.Next(2)}",
            Provider = "anthropic",
            Model = Models[model],
            ModelRequested = Models[model],
            HttpStatus = isWrong ? (random.Next(2) == 0 ? 429 : 529) : 200,
            ErrorType = isWrong ? "overloaded_error" : string.Empty,
            Outcome = isWrong ? ForwardOutcome.UpstreamError : isCut ? ForwardOutcome.ClientAborted : ForwardOutcome.Completed,
            UsageSource = isCut ? UsageSource.Partial : UsageSource.Final,
            Tokens = tokens,
            Cost = cost with { Uncached = cost.Total + new Nanodollars(tokens.CacheRead * price * 900) },
            Priced = true,
            LatencyMicroseconds = random.Next(500, 60_000) * 1_000L,
            TtftMicroseconds = isWrong ? 0 : random.Next(200, 9_000) * 1_000L,
        };
    }

    private static Guid Id(Random random)
    {
        var bytes = new byte[16];
        random.NextBytes(bytes);
        return new Guid(bytes);
    }
}
