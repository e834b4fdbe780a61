using System.Globalization;
using System.Text.Json.Nodes;
using Tollgate.ClickHouse.Spend;
using Tollgate.Proxy.Facts;

namespace Tollgate.Cli.Report;

/// <summary><c>tollgate report what-if</c>, written out.</summary>
/// <param name="kind">What its lines are.</param>
/// <param name="model">Whose prices are asked.</param>
/// <param name="lines">The lines.</param>
internal sealed class WhatIfReport(ReportKind kind, string model, IReadOnlyList<WhatIfLine> lines)
{
    private readonly WhatIfLine _total = new(
        string.Empty, lines.Sum(static line => line.Requests), lines.Sum(static line => line.LeftOut), Sum(static line => line.Cost, lines), Sum(static line => line.FastCost, lines), Sum(static line => line.WhatIf, lines));

    /// <summary>For people.</summary>
    public void WriteTable(ReportScope scope, Terminal terminal, TextWriter output)
    {
        output.WriteLine($"Spend by {kind.Verb} at the prices of {ReportFigures.Name(model)}: {ReportRequest.Describe(scope)}");
        output.WriteLine();
        var decimals = ReportFigures.Decimals(lines.Append(_total).SelectMany(static line => new[] { line.Cost, line.WhatIf }));
        var left = FittedTable.Write(
            [
                new(kind.Heading, [.. lines.Select(static line => ReportFigures.Name(line.Key))], "Total", IsText: true),
                Column("Requests", static line => ReportFigures.Count(line.Requests), 1),
                Column("Cost", line => ReportFigures.Money(line.Cost, decimals), 0),
                Column("What if", line => ReportFigures.Money(line.WhatIf, decimals), 0),
                Column("Saving", line => ReportFigures.Money(line.Saving, decimals), 0),
                Column("%", Percent, 2),
            ],
            terminal,
            output);
        if (left.Count > 0)
        {
            output.WriteLine($"Not shown, for want of width: {string.Join(", ", left.Select(static heading => heading.ToLowerInvariant()))}.");
        }

        if (_total.LeftOut > 0)
        {
            output.WriteLine($"In neither sum: {ReportFigures.Count(_total.LeftOut)} requests without a price, of their own or of {ReportFigures.Name(model)} at their time.");
        }

        if (_total.FastCost.Value > 0)
        {
            output.WriteLine($"Of the cost, {ReportFigures.Money(_total.FastCost, 2)} was served fast; what-if is at standard rates.");
        }

        TableColumn Column(string heading, Func<WhatIfLine, string> cell, int leaveOut) => new(heading, [.. lines.Select(cell)], cell(_total), LeaveOut: leaveOut);
    }

    /// <summary>For programs.</summary>
    public string ToJson() => new JsonObject
    {
        ["model"] = model,
        [kind.Array] = new JsonArray([.. lines.Select(line => Figures(line, new JsonObject { [kind.Property] = line.Key }))]),
        ["totals"] = Figures(_total, []),
    }.ToJsonString(CliJson.Options);

    /// <summary>For spreadsheets.</summary>
    public void WriteCsv(TextWriter output)
    {
        CsvWriter.WriteLine(output, [kind.CsvColumn, "requests", "requests_left_out", "cost_usd", "cost_fast_usd", "what_if_usd", "saving_usd"]);
        foreach (var line in lines)
        {
            CsvWriter.WriteLine(
                output,
                [
                    CsvWriter.Text(line.Key), line.Requests.ToString(CultureInfo.InvariantCulture), line.LeftOut.ToString(CultureInfo.InvariantCulture),
                    Text(line.Cost), Text(line.FastCost), Text(line.WhatIf), Text(line.Saving),
                ]);
        }
    }

    private static JsonObject Figures(WhatIfLine line, JsonObject json)
    {
        json["requests"] = line.Requests;
        json["requestsLeftOut"] = line.LeftOut;
        json["cost"] = line.Cost.ToDollars();
        json["costFast"] = line.FastCost.ToDollars();
        json["whatIf"] = line.WhatIf.ToDollars();
        json["saving"] = line.Saving.ToDollars();
        return json;
    }

    private static string Percent(WhatIfLine line) =>
        line.Cost.Value == 0 ? "-" : (100 * line.Saving.ToDollars() / line.Cost.ToDollars()).ToString("0.0", CultureInfo.InvariantCulture);

    private static string Text(Nanodollars amount) => amount.ToDollars().ToString(CultureInfo.InvariantCulture);

    private static Nanodollars Sum(Func<WhatIfLine, Nanodollars> of, IReadOnlyList<WhatIfLine> lines) => lines.Aggregate(Nanodollars.Zero, (sum, line) => sum + of(line));
}
