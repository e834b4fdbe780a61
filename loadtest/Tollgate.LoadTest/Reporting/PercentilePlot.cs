using System.Globalization;
using ScottPlot;
using Tollgate.LoadTest.Measuring;

namespace Tollgate.LoadTest.Reporting;

/// <summary>Latency by percentile, a line for each peer.</summary>
/// <remarks>Both axes are logarithmic: to the right, what lies above the percentile shrinks tenfold at each step; upwards, milliseconds.</remarks>
internal static class PercentilePlot
{
    private const int Width = 900;
    private const int Height = 520;

    /// <summary>Writes the picture.</summary>
    /// <remarks>None is drawn where nothing is answered: of streams that were held.</remarks>
    public static void Save(LoadTestReport report, string path)
    {
        if (report.Rows.Any(static row => row.Streams is not null))
        {
            return;
        }

        using var plot = new Plot();
        plot.Title(string.Create(CultureInfo.InvariantCulture, $"{report.Scenario} at {report.Rate:N0} requests a second"));
        plot.XLabel("percentile");
        plot.YLabel("ms, from when the request was due");
        foreach (var row in report.Rows.Where(static row => !row.IsVoid))
        {
            var line = MedianCurve([.. report.Windows.Where(window => window.Peer == row.Peer && window.IsValid)]);
            if (line.Count == 0)
            {
                continue;
            }

            var scatter = plot.Add.ScatterLine(line.Select(static point => Nines(point.Percentile)).ToArray(), line.Select(static point => Math.Log10(point.Microseconds / 1000)).ToArray());
            scatter.LegendText = row.Peer;
            scatter.LineWidth = 2;
        }

        plot.Axes.Bottom.TickGenerator = Ticks([(0, "0"), (1, "90"), (2, "99"), (3, "99.9"), (4, "99.99"), (5, "99.999")]);
        plot.Axes.Left.TickGenerator = Ticks([.. Enumerable.Range(-2, 7).Select(static power => ((double)power, Math.Pow(10, power).ToString("0.##", CultureInfo.InvariantCulture)))]);
        plot.ShowLegend(Alignment.UpperLeft);
        plot.SaveSvg(path, Width, Height);
    }

    /// <summary>The middle of several windows' curves, as far as all of them go.</summary>
    private static List<CurvePoint> MedianCurve(IReadOnlyList<PeerWindow> windows) =>
        [.. Enumerable.Range(0, windows.Min(static window => window.Curve.Count)).Select(point => new CurvePoint(windows[0].Curve[point].Percentile, Statistics.Median(windows.Select(window => window.Curve[point].Microseconds))))];

    private static double Nines(double percentile) => -Math.Log10(1 - (percentile / 100));

    private static ScottPlot.TickGenerators.NumericManual Ticks(IReadOnlyCollection<(double Position, string Label)> ticks) =>
        new([.. ticks.Select(static tick => tick.Position)], [.. ticks.Select(static tick => tick.Label)]);
}
