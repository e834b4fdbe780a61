using System.Globalization;
using Tollgate.ClickHouse.Spend;
using Tollgate.Proxy.Facts;

namespace Tollgate.Cli.Report;

/// <summary>Reports for people. A terminal gets bold headings, bars of the trend, and no more columns than fit; anything else gets plain text.</summary>
/// <param name="terminal">What the output leads to.</param>
/// <param name="output">Where to.</param>
internal sealed class ReportTable(Terminal terminal, TextWriter output)
{
    private const int MostBars = 60;
    private const int MostBarsOfLine = 14;

    /// <summary>A report other than the blocks.</summary>
    /// <param name="kind">The report.</param>
    /// <param name="scope">What was asked for.</param>
    /// <param name="lines">Its lines; one at least.</param>
    /// <param name="days">What each line cost by day, for the trend; null for none.</param>
    public void Write(ReportKind kind, ReportScope scope, IReadOnlyList<ReportLine> lines, IReadOnlyList<DaySpend>? days)
    {
        output.WriteLine($"Spend by {kind.Key.ToString().ToLowerInvariant()}: {ReportRequest.Describe(scope)}");
        output.WriteLine();
        var columns = new List<TableColumn> { new(kind.Heading, [.. lines.Select(static line => ReportFigures.Name(line.Key))], "Total", IsText: true) };
        if (kind.Key == ReportKey.Session)
        {
            columns.Add(new("Developer", [.. lines.Select(static line => ReportFigures.Name(line.Session!.Developer))], "", IsText: true, LeaveOut: 6));
            columns.Add(new("Last used", [.. lines.Select(line => Local(line.Session!.Last, scope))], "", IsText: true, LeaveOut: 5));
        }

        if (kind.Key != ReportKey.Model)
        {
            columns.Add(new("Models", [.. lines.Select(static line => ReportFigures.Models(line.Models))], "", IsText: true, LeaveOut: 1));
        }

        AddFigures(columns, [.. lines.Select(static line => (line.Requests, line.Tokens, line.Cost))], "Requests");
        (string[] Lines, string All)? bars = days is null ? null : Bars(kind, lines, days);
        if (bars is { } each && !kind.IsPeriod)
        {
            columns.Add(new("Trend", each.Lines, each.All, IsText: true, LeaveOut: 7));
        }

        Finish(columns);
        if (bars is { } whole && kind.IsPeriod && lines.Count > 1)
        {
            output.WriteLine($"Trend  {whole.All}");
        }
    }

    /// <summary>The blocks.</summary>
    public void Write(ReportScope scope, IReadOnlyList<UsageBlock> blocks, DateTimeOffset now)
    {
        output.WriteLine($"Spend by blocks of five hours: {ReportRequest.Describe(scope)}");
        output.WriteLine();
        var columns = new List<TableColumn>
        {
            new("Block from", [.. blocks.Select(block => Local(block.Start, scope))], "Total", IsText: true),
            new("Lasts", [.. blocks.Select(block => Span(block, now))], "", IsText: true, LeaveOut: 8),
            new("Models", [.. blocks.Select(static block => ReportFigures.Models(block.Models))], "", IsText: true, LeaveOut: 1),
        };
        AddFigures(columns, [.. blocks.Select(static block => (block.Entries, block.Tokens, block.Cost))], "Requests", [.. blocks.Select(static block => block.IsGap)]);
        Finish(columns);
        if (blocks.FirstOrDefault(static block => block.IsActive) is { } active && BlockRate.Of(active) is { } rate)
        {
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"At its rate of ${rate.CostPerHour:0.00} an hour the active block comes to ${rate.ProjectedCost(active, now):0.00} and {rate.ProjectedTokens(active, now):N0} tokens by {Local(active.End, scope)}."));
        }
    }

    private void Finish(List<TableColumn> columns)
    {
        var left = FittedTable.Write(columns, terminal, output);
        if (left.Count > 0)
        {
            output.WriteLine($"Not shown, for want of width: {string.Join(", ", left.Select(static heading => heading.ToLowerInvariant()))}.");
        }
    }

    private static void AddFigures(List<TableColumn> columns, (long Requests, TokenUsage Tokens, Nanodollars Cost)[] figures, string requests, bool[]? isEmpty = null)
    {
        var cost = figures.Aggregate(Nanodollars.Zero, static (sum, line) => sum + line.Cost);
        var decimals = ReportFigures.Decimals(figures.Select(static line => line.Cost).Append(cost));
        AddCount(requests, 9, static line => line.Requests);
        AddCount("Input", 4, static line => line.Tokens.Input);
        AddCount("Output", 8, static line => line.Tokens.Output);
        AddCount("Cache write", 2, static line => line.Tokens.CacheWrite());
        AddCount("Cache read", 3, static line => line.Tokens.CacheRead);
        AddCount("Tokens", 10, static line => line.Tokens.Total());
        columns.Add(new("Cost", [.. figures.Select((line, i) => IsEmpty(i) ? "-" : ReportFigures.Money(line.Cost, decimals))], ReportFigures.Money(cost, decimals)));

        void AddCount(string heading, int leaveOut, Func<(long Requests, TokenUsage Tokens, Nanodollars Cost), long> of) => columns.Add(
            new(heading, [.. figures.Select((line, i) => IsEmpty(i) ? "-" : ReportFigures.Count(of(line)))], ReportFigures.Count(figures.Sum(of)), LeaveOut: leaveOut));

        bool IsEmpty(int line) => isEmpty?[line] ?? false;
    }

    private static (string[] Lines, string All) Bars(ReportKind kind, IReadOnlyList<ReportLine> lines, IReadOnlyList<DaySpend> days)
    {
        var (first, last) = (days.Min(static day => day.Day), days.Max(static day => day.Day));
        var most = kind.IsPeriod ? MostBars : MostBarsOfLine;
        var byKey = days.ToLookup(static day => day.Key, StringComparer.Ordinal);
        return ([.. lines.Select(line => Of(byKey[line.Key]))], Of(days));

        // A day without requests is a day that cost nothing.
        string Of(IEnumerable<DaySpend> some)
        {
            var amounts = new Nanodollars[last.DayNumber - first.DayNumber + 1];
            foreach (var day in some)
            {
                amounts[day.Day.DayNumber - first.DayNumber] += day.Cost;
            }

            return Sparkline.Of(amounts, most);
        }
    }

    private static string Local(DateTimeOffset time, ReportScope scope) =>
        TimeZoneInfo.ConvertTime(time, TimeZoneInfo.FindSystemTimeZoneById(scope.TimeZone)).ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture);

    private static string Span(UsageBlock block, DateTimeOffset now) =>
        block.IsActive ? $"{Hours(now - block.Start)}, {Hours(block.End - now)} left" : block.IsGap ? $"{Hours(block.End - block.Start)} of nothing" : Hours(block.Last!.Value - block.Start);

    private static string Hours(TimeSpan span) => string.Create(CultureInfo.InvariantCulture, $"{(long)span.TotalHours} h {span.Minutes:00} min");
}
