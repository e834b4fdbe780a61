using Tollgate.Demo.Team;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Recording;

namespace Tollgate.Demo.History;

/// <summary>What the team did until a moment, as rows of the ledger.</summary>
/// <remarks>
/// The same seed, end and price list give the same rows. On the last day one session runs away for hours; in the last week a model is tried that has
/// no price; two afternoons the provider is overloaded.
/// </remarks>
internal sealed class DemoHistory
{
    /// <summary>The seed unless another is given.</summary>
    public const ulong DefaultSeed = 20_261_123;

    /// <summary>How many days unless others are asked for.</summary>
    public const int DefaultDays = 30;

    private DemoHistory(DateTimeOffset start, DateTimeOffset end, IReadOnlyList<Session> sessions, IReadOnlyList<UsageRow> rows) =>
        (Start, End, Sessions, Rows) = (start, end, sessions, rows);

    /// <summary>Midnight of the first day, UTC.</summary>
    public DateTimeOffset Start { get; }

    /// <summary>Nothing has ended after it.</summary>
    public DateTimeOffset End { get; }

    /// <summary>Everything that was started.</summary>
    public IReadOnlyList<Session> Sessions { get; }

    /// <summary>Every attempt that ended in time, in the order in which they ended: as a gateway writes them.</summary>
    public IReadOnlyList<UsageRow> Rows { get; }

    /// <summary>Makes the history.</summary>
    /// <param name="seed">Everything follows from it.</param>
    /// <param name="end">Now, as far as the history goes.</param>
    /// <param name="days">How many days, the one of <paramref name="end"/> included.</param>
    /// <param name="gatewayId">Whose rows they are.</param>
    /// <param name="prices">What they cost.</param>
    public static DemoHistory Make(ulong seed, DateTimeOffset end, int days, string gatewayId, PriceList prices)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(days, 1);
        var chance = new Chance(seed);
        var lastDay = DateOnly.FromDateTime(end.UtcDateTime);
        var firstDay = lastDay.AddDays(1 - days);
        var start = new DateTimeOffset(firstDay.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
        var weather = new Weather([Storm(chance, lastDay.AddDays(-2)), Storm(chance, lastDay.AddDays(-9))]);

        var sessions = new List<Session>();
        for (var day = 0; day < days; day++)
        {
            foreach (var developer in DemoTeam.Developers)
            {
                // Comings and goings are told from the end of a history of the usual length.
                sessions.AddRange(WorkCalendar.SessionsOf(chance, developer, firstDay.AddDays(day), DefaultDays - days + day, weather));
            }
        }

        var runaway = DemoTeam.Developers.Single(static developer => developer.Name == DemoTeam.Runaway);
        sessions.Add(SessionScript.WriteRunaway(chance.For("runaway"), runaway, end.AddHours(-3.4), TimeSpan.FromHours(3), refusals: 14));
        var curious = DemoTeam.Developers[0];
        sessions.Add(SessionScript.WriteTrial(chance.For("trial"), curious, end.AddHours(-27), calls: 24));

        var writer = new RowWriter(chance.For("rows"), gatewayId, prices);
        var rows = sessions
            .OrderBy(static session => session.Start).ThenBy(static session => session.Developer.Name, StringComparer.Ordinal)
            .SelectMany(session => session.Calls.Select(call => (Session: session, Call: call, EndedAt: session.Start + call.At + call.Duration)))
            .Where(made => made.Session.Start + made.Call.At >= start && made.EndedAt <= end)
            .OrderBy(static made => made.EndedAt)
            .Select(made => writer.Write(made.Session, made.Call))
            .ToList();
        return new DemoHistory(start, end, sessions, rows);
    }

    /// <summary>An hour and a half of a day's afternoon in which the provider is overloaded.</summary>
    private static (DateTimeOffset From, DateTimeOffset To) Storm(Chance chance, DateOnly day)
    {
        var from = new DateTimeOffset(day.ToDateTime(new TimeOnly(12, 30)), TimeSpan.Zero).AddMinutes(chance.For("storm").For(day.DayNumber).Between(0, 90));
        return (from, from.AddMinutes(90));
    }
}
