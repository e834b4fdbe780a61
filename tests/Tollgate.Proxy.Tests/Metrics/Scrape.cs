using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Proxy.Tests.Metrics;

/// <summary>What Prometheus would read, as text and by series.</summary>
internal sealed partial class Scrape
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);

    private Scrape(string text)
    {
        Text = text;
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!line.StartsWith('#'))
            {
                var series = Series().Match(line);
                Assert.True(series.Success, $"not a series: {line}");
                Assert.True(_values.TryAdd(series.Groups[1].Value, series.Groups[2].Value), $"twice: {line}");
            }
        }
    }

    public string Text { get; }

    public IEnumerable<string> Names => _values.Keys;

    public static async Task<Scrape> OfAsync(GatewayMetrics metrics)
    {
        using var text = new MemoryStream();
        await metrics.Registry.CollectAndExportAsTextAsync(text, TestContext.Current.CancellationToken);
        return new Scrape(Encoding.UTF8.GetString(text.ToArray()));
    }

    /// <summary>The value as printed of the one series that has this name and all these labels.</summary>
    public string Raw(string name, params string[] labels) => Assert.Single(Find(name, labels)).Value;

    public decimal Value(string name, params string[] labels) => Parse(Raw(name, labels));

    /// <summary>The sum over every series of the name with these labels.</summary>
    public decimal Sum(string name, params string[] labels) => Find(name, labels).Sum(static pair => Parse(pair.Value));

    private static decimal Parse(string value) => decimal.Parse(value, NumberStyles.Float, CultureInfo.InvariantCulture);

    private IEnumerable<KeyValuePair<string, string>> Find(string name, string[] labels) => _values.Where(
        pair => (pair.Key == name || pair.Key.StartsWith(name + "{", StringComparison.Ordinal)) && Array.TrueForAll(labels, label => pair.Key.Contains(label, StringComparison.Ordinal)));

    [GeneratedRegex("""^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\.)*",?)*\})?) (\S+)$""")]
    private static partial Regex Series();
}
