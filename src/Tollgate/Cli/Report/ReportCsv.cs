using System.Globalization;
using Tollgate.ClickHouse.Spend;
using Tollgate.Proxy.Facts;

namespace Tollgate.Cli.Report;

/// <summary>Reports as CSV: a heading, then a line for each; no totals, which a spreadsheet would add to the rest.</summary>
internal static class ReportCsv
{
    private static readonly string[] FigureColumns = ["models", "requests", "input_tokens", "output_tokens", "cache_creation_tokens", "cache_read_tokens", "total_tokens", "cost_usd"];

    /// <summary>A report other than the blocks.</summary>
    public static void Write(ReportKind kind, IReadOnlyList<ReportLine> lines, TextWriter output)
    {
        string[] session = kind.Key == ReportKey.Session ? ["developer", "project", "first_activity", "last_activity"] : [];
        CsvWriter.WriteLine(output, [kind.CsvColumn, .. session, .. FigureColumns]);
        foreach (var line in lines)
        {
            CsvWriter.WriteLine(output, [CsvWriter.Text(line.Key), .. Session(line.Session), .. Figures(line.Models, line.Requests, line.Tokens, line.Cost)]);
        }
    }

    /// <summary>The blocks.</summary>
    public static void Write(IReadOnlyList<UsageBlock> blocks, TextWriter output)
    {
        CsvWriter.WriteLine(output, ["start", "end", "last_activity", "status", .. FigureColumns]);
        foreach (var block in blocks)
        {
            CsvWriter.WriteLine(output,
            [
                ReportFigures.Moment(block.Start), ReportFigures.Moment(block.End), block.Last is { } last ? ReportFigures.Moment(last) : "",
                block.IsGap ? "gap" : block.IsActive ? "active" : "over", .. Figures(block.Models, block.Entries, block.Tokens, block.Cost),
            ]);
        }
    }

    private static string[] Session(SessionFacts? session) => session is null ? []
        : [CsvWriter.Text(session.Developer), CsvWriter.Text(session.Project), ReportFigures.Moment(session.First), ReportFigures.Moment(session.Last)];

    private static string[] Figures(IEnumerable<ModelSpend> models, long requests, TokenUsage tokens, Nanodollars cost) =>
    [
        CsvWriter.Text(string.Join(' ', models.Select(static model => model.Model))), Text(requests), Text(tokens.Input), Text(tokens.Output), Text(tokens.CacheWrite()),
        Text(tokens.CacheRead), Text(tokens.Total()), cost.ToDollars().ToString(CultureInfo.InvariantCulture),
    ];

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
