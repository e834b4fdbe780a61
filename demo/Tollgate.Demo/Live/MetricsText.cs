using System.Globalization;

namespace Tollgate.Demo.Live;

/// <summary>A scrape of <c>/metrics</c>.</summary>
/// <param name="Text">As it was served.</param>
internal sealed record MetricsText(string Text)
{
    /// <summary>The sum over the series of a metric whose labels contain <paramref name="label"/>; 0 when there is none.</summary>
    public decimal Sum(string name, string label = "") => Text.Split('\n')
        .Where(line => (line.StartsWith($"tollgate_{name}{{", StringComparison.Ordinal) || line.StartsWith($"tollgate_{name} ", StringComparison.Ordinal)) && line.Contains(label, StringComparison.Ordinal))
        .Sum(static line => decimal.Parse(line.AsSpan(line.LastIndexOf(' ') + 1), NumberStyles.Float, CultureInfo.InvariantCulture));
}
