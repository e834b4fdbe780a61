using System.Text.Json;

namespace Tollgate.LoadTest.Reporting;

/// <summary>Where reports are kept.</summary>
internal static class ReportFiles
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>Writes Markdown, JSON and the picture.</summary>
    /// <returns>The Markdown's path.</returns>
    /// <remarks>A report with a void line goes to the build output, so that nobody commits it by chance.</remarks>
    public static string Save(LoadTestReport report, string? directory)
    {
        var name = Path.Combine(Home(directory, report.IsValid), report.Name);
        File.WriteAllText(name + ".md", ReportTable.Markdown(report));
        File.WriteAllText(name + ".json", JsonSerializer.Serialize(report, Json) + "\n");
        PercentilePlot.Save(report, name + ".svg");
        return name + ".md";
    }

    /// <summary>Writes a set's targets, beside its reports when all of them are valid.</summary>
    /// <returns>The Markdown's path.</returns>
    public static string Save(IReadOnlyList<LoadTestReport> reports, string? directory)
    {
        var name = Path.Combine(Home(directory, reports.All(static report => report.IsValid)), "targets");
        var targets = reports.SelectMany(static report => report.Targets).ToArray();
        File.WriteAllText(name + ".md", ReportTable.Markdown(targets, reports[0].Conditions));
        File.WriteAllText(name + ".json", JsonSerializer.Serialize(targets, Json) + "\n");
        return name + ".md";
    }

    private static string Home(string? directory, bool isValid) =>
        Directory.CreateDirectory(directory ?? (isValid ? RepositoryRoot.File("loadtest", "results") : RepositoryRoot.File("artifacts", "loadtest"))).FullName;
}
