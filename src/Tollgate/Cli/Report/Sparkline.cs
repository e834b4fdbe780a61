using Tollgate.Proxy.Facts;

namespace Tollgate.Cli.Report;

/// <summary>Amounts as a row of bars, the largest as high as a line.</summary>
internal static class Sparkline
{
    private const string Bars = "▁▂▃▄▅▆▇█";

    /// <summary>One bar for each amount; where they are more than <paramref name="most"/>, as many neighbours as needed share a bar.</summary>
    public static string Of(IReadOnlyList<Nanodollars> amounts, int most)
    {
        var share = Math.Max(1, (amounts.Count + most - 1) / most);
        var bars = amounts.Chunk(share).Select(static part => part.Sum(static amount => (decimal)amount.Value)).ToArray();
        var highest = bars.DefaultIfEmpty().Max();
        return string.Concat(bars.Select(bar => Bars[highest <= 0 || bar <= 0 ? 0 : (int)decimal.Round(bar * (Bars.Length - 1) / highest)]));
    }
}
