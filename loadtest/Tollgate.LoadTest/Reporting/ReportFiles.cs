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
        var home = Directory.CreateDirectory(directory ?? (report.IsValid ? RepositoryRoot.File("loadtest", "results") : RepositoryRoot.File("artifacts", "loadtest"))).FullName;
        var name = Path.Combine(home, report.Name);
        File.WriteAllText(name + ".md", ReportTable.Markdown(report));
        File.WriteAllText(name + ".json", JsonSerializer.Serialize(report, Json) + "\n");
        PercentilePlot.Save(report, name + ".svg");
        return name + ".md";
    }
}
