using Tollgate.ClickHouse.Spend;

namespace Tollgate.Cli.Report;

/// <summary>A report and the words for it.</summary>
/// <param name="Verb">What it is called on the command line.</param>
/// <param name="Key">What its lines are.</param>
/// <param name="Array">The property of the JSON that holds its lines; the periods and sessions are named as ccusage names them.</param>
/// <param name="Property">The property of a line that holds its key.</param>
/// <param name="Heading">The key's column in the table.</param>
/// <param name="CsvColumn">The key's column in the CSV.</param>
/// <param name="Description">One line of help.</param>
internal sealed record ReportKind(string Verb, ReportKey Key, string Array, string Property, string Heading, string CsvColumn, string Description)
{
    /// <summary>All but the blocks.</summary>
    public static IReadOnlyList<ReportKind> All { get; } =
    [
        new("daily", ReportKey.Day, "daily", "date", "Day", "date", "Spend by day."),
        new("weekly", ReportKey.Week, "weekly", "week", "Week from", "week", "Spend by week."),
        new("monthly", ReportKey.Month, "monthly", "month", "Month", "month", "Spend by month."),
        new("session", ReportKey.Session, "sessions", "sessionId", "Session", "session_id", "Spend by session, the dearest first."),
        new("developer", ReportKey.Developer, "developers", "developer", "Developer", "developer", "Spend by developer, the dearest first."),
        new("team", ReportKey.Team, "teams", "team", "Team", "team", "Spend by team, the dearest first."),
        new("project", ReportKey.Project, "projects", "project", "Project", "project", "Spend by project, the dearest first."),
        new("model", ReportKey.Model, "models", "model", "Model", "model", "Spend by model, the dearest first."),
    ];

    /// <summary>Those whose lines are names.</summary>
    public static IReadOnlyList<ReportKind> Names { get; } = [.. All.Where(static kind => kind.Key is ReportKey.Developer or ReportKey.Team or ReportKey.Project or ReportKey.Model)];

    /// <summary>Whether its lines are spans of time.</summary>
    public bool IsPeriod => Key is ReportKey.Day or ReportKey.Week or ReportKey.Month;
}
