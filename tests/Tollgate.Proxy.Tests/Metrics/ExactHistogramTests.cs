using System.Globalization;
using System.Text;
using CsCheck;
using Prometheus;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Proxy.Tests.Metrics;

public class ExactHistogramTests
{
    private static readonly double[] Bounds = [0.1, 0.25, 0.5, 1, 600];

    // Around each bound in microseconds, and between them.
    private static readonly Gen<long> Values = Gen.OneOf(
        Gen.Select(Gen.Int[0, Bounds.Length - 1], Gen.Long[-2, 2], static (bound, off) => (long)(Bounds[bound] * 1e6) + off),
        Gen.Long[0, 700_000_000]);

    [Fact]
    public void Whenever_it_is_read_it_reads_as_if_each_value_had_been_observed() => Values.Array[0, 40].Array[1, 4].Sample(rounds =>
    {
        var registry = Prometheus.Metrics.NewCustomRegistry();
        var factory = Prometheus.Metrics.WithCustomRegistry(registry);
        var each = factory.CreateHistogram("each", "Each value observed.", new HistogramConfiguration { Buckets = Bounds });
        var handedOver = factory.CreateHistogram("exact", "Handed over.", new HistogramConfiguration { Buckets = Bounds });
        var exact = new ExactHistogram(handedOver, Bounds, unitsPerOne: 1_000_000);
        foreach (var round in rounds)
        {
            foreach (var value in round)
            {
                each.Observe(value / 1e6);
                exact.Add_NeedsGate(value);
            }

            exact.Publish_NeedsGate();
            var read = Read(registry);
            Assert.Equal(Buckets(read, "each"), Buckets(read, "exact"));
            Assert.Equal(Sum(read, "each"), Sum(read, "exact"), 1e-6);
        }
    });

    private static string[] Read(CollectorRegistry registry)
    {
        using var text = new MemoryStream();
        Assert.True(registry.CollectAndExportAsTextAsync(text, TestContext.Current.CancellationToken).IsCompletedSuccessfully);
        return Encoding.UTF8.GetString(text.ToArray()).Split('\n');
    }

    private static string[] Buckets(string[] lines, string name) =>
        [.. lines.Where(line => line.StartsWith($"{name}_bucket", StringComparison.Ordinal) || line.StartsWith($"{name}_count", StringComparison.Ordinal)).Select(line => line[name.Length..])];

    private static double Sum(string[] lines, string name) =>
        double.Parse(lines.Single(line => line.StartsWith($"{name}_sum", StringComparison.Ordinal)).Split(' ')[1], CultureInfo.InvariantCulture);
}
