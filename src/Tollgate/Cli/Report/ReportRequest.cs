using System.Globalization;
using Tollgate.ClickHouse.Spend;
using Tollgate.Configuration;
using ConfigurationPath = Tollgate.Configuration.ConfigurationPath;

namespace Tollgate.Cli.Report;

/// <summary>What a user asked of a report, in the words of the command line.</summary>
internal sealed record ReportRequest
{
    private const int MostNearNames = 3;

    private static readonly string[] DayFormats = ["yyyy-MM-dd", "yyyyMMdd"];

    /// <summary><c>--since</c>.</summary>
    public string? Since { get; init; }

    /// <summary><c>--until</c>.</summary>
    public string? Until { get; init; }

    /// <summary><c>--timezone</c>.</summary>
    public string? TimeZone { get; init; }

    /// <summary><c>--start-of-week</c>.</summary>
    public DayOfWeek WeekStart { get; init; } = DayOfWeek.Monday;

    /// <summary><c>--developer</c>.</summary>
    public string[] Developers { get; init; } = [];

    /// <summary><c>--team</c>.</summary>
    public string[] Teams { get; init; } = [];

    /// <summary><c>--project</c>.</summary>
    public string[] Projects { get; init; } = [];

    /// <summary><c>--model</c>.</summary>
    public string[] Models { get; init; } = [];

    /// <summary>The part of the ledger that it means, or what is wrong with it.</summary>
    /// <param name="time">Today, and the machine's time zone.</param>
    /// <param name="scope">The part of the ledger, when it is null that is returned.</param>
    public string? Resolve(TimeProvider time, out ReportScope scope)
    {
        scope = new ReportScope();
        var zone = TimeZone ?? LocalZone(time);
        if (Problem("--since", Since, time, out var since) is { } wrongSince)
        {
            return wrongSince;
        }

        if (Problem("--until", Until, time, out var until) is { } wrongUntil)
        {
            return wrongUntil;
        }

        if (since > until)
        {
            return $"--since is {Day(since.Value)}, which is after --until, {Day(until.Value)}: swap them, or leave one out.";
        }

        if (!IsZone(zone))
        {
            var near = Suggestion.Nearest(zone, TimeZoneInfo.GetSystemTimeZones().Select(static known => known.Id), MostNearNames);
            return $"--timezone is {ConfigurationPath.Quote(zone)}, but must be a time zone of the IANA database, such as Europe/Berlin or UTC. Near it: {string.Join(", ", near)}.";
        }

        scope = new ReportScope
        {
            Since = since,
            Until = until,
            TimeZone = zone,
            WeekStart = WeekStart,
            Developers = Developers,
            Teams = Teams,
            Projects = Projects,
            Models = Models,
        };
        return null;
    }

    /// <summary>The scope in words: <c>from 2026-11-02 to 2026-11-08 (Europe/Berlin), team search</c>.</summary>
    public static string Describe(ReportScope scope)
    {
        var days = (scope.Since, scope.Until) switch
        {
            ({ } since, { } until) when since == until => $"on {Day(since)}",
            ({ } since, { } until) => $"from {Day(since)} to {Day(until)}",
            ({ } since, null) => $"since {Day(since)}",
            (null, { } until) => $"until {Day(until)}",
            _ => "all days",
        };
        return string.Concat([$"{days} ({scope.TimeZone})", .. Filter("developer", scope.Developers), .. Filter("team", scope.Teams), .. Filter("project", scope.Projects), .. Filter("model", scope.Models)]);
    }

    private static IEnumerable<string> Filter(string name, IReadOnlyList<string> wanted) =>
        wanted.Count == 0 ? [] : [$", {name} {string.Join(" or ", wanted.Select(ReportFigures.Name))}"];

    private static string? Problem(string option, string? text, TimeProvider time, out DateOnly? day)
    {
        day = null;
        if (text is null)
        {
            return null;
        }

        if (DateOnly.TryParseExact(text, DayFormats, CultureInfo.InvariantCulture, DateTimeStyles.None, out var parsed))
        {
            day = parsed;
            return null;
        }

        var today = time.GetUtcNow().UtcDateTime;
        return string.Create(CultureInfo.InvariantCulture, $"{option} is {ConfigurationPath.Quote(text)}, but must be a day as {today:yyyy-MM-dd} or {today:yyyyMMdd}.");
    }

    // A machine without zones, or with one of its own making, has a name that the store does not know.
    private static string LocalZone(TimeProvider time) => IsZone(time.LocalTimeZone.Id) ? time.LocalTimeZone.Id : "UTC";

    private static bool IsZone(string name) => TimeZoneInfo.TryFindSystemTimeZoneById(name, out var zone) && zone.HasIanaId;

    private static string Day(DateOnly day) => day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
