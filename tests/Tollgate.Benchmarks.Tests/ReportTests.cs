using Tollgate.Benchmarks.Gate;

namespace Tollgate.Benchmarks.Tests;

public class ReportTests
{
    private static readonly Measurement Scan = new("Sse", "LongPing", Mean: 50_000, Fastest: 40_000, Allocated: 1_024, Promised: 0, Reads: 1_000_000);

    [Fact]
    public void A_row_says_what_is_broken()
    {
        var baseline = Baseline.None.With("then", "a processor", [Scan with { Mean = 25_000, Fastest = 20_000 }], 1_000);
        var table = Report.Table(Judge.All([Scan, Scan with { Allocated = 0, Case = "Other" }, Scan with { Allocated = 0 }], 1_000, baseline, "a processor")).Split('\n');
        Assert.Equal("| Sse.LongPing |", table[2][..16]);
        Assert.Equal(["Sse.LongPing", "50.00 us (20.0 GB/s)", "1,024 B", "25.00 us", "2.00", "<= 0 B", "BROKEN: allocates"], Cells(table[2]));
        Assert.Equal(["Sse.Other", "50.00 us (20.0 GB/s)", "0 B", "-", "-", "<= 0 B", "new"], Cells(table[3]));
        Assert.Equal("BROKEN: over 1.5 x", Cells(table[4])[6]);
        Assert.Single(table[..^1].Select(static line => line.Length).Distinct());
    }

    [Theory]
    [InlineData(1.25, "1.3 ns")]
    [InlineData(22_190, "22.19 us")]
    [InlineData(1_386_420, "1.39 ms")]
    public void A_time_is_shown_in_the_unit_that_suits_it(double nanoseconds, string text) => Assert.Equal(text, Report.Time(nanoseconds));

    [Theory]
    [InlineData("# Sse\n\nold\n\n| a |\n| b |\n\nReading: it is fast.\n\n## More\n\n| c |\n", "", "\nReading: it is fast.\n\n## More\n\n| c |\n")]
    [InlineData("# Sse\n\nold\n\nFew: 10 keys.\nMany: more.\n\nMore.\n\n| a |\n", "Few: 10 keys.\nMany: more.\n\nMore.\n\n", "")]
    [InlineData("# Sse\n\nold\n\n| a |", "", "")]
    [InlineData("", "", "")]
    [InlineData(null, "", "")]
    public void A_page_written_anew_keeps_all_but_its_first_paragraph_and_its_first_table(string? old, string above, string below)
    {
        var page = Report.Page(old, "Sse", "at commit abc", [Scan]);
        Assert.StartsWith($"# Sse\n\n`make bench FILTER='*Sse*' UPDATE=1`, at commit abc.\n\n{above}| Method ", page, StringComparison.Ordinal);
        Assert.EndsWith(" |\n" + below, page, StringComparison.Ordinal);
        Assert.Equal(page, Report.Page(page, "Sse", "at commit abc", [Scan]));
    }

    private static string[] Cells(string row) => row.Split('|', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
