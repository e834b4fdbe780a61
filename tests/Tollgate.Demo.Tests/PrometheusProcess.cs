using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Tollgate.Demo.Tests;

/// <summary>A Prometheus of the test's own that scrapes one gateway every second and evaluates the repository's recording rules.</summary>
internal sealed class PrometheusProcess : IAsyncDisposable
{
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false });

    private readonly Process _process;
    private readonly StringBuilder _output = new();

    private PrometheusProcess(Process process, Uri address)
    {
        _process = process;
        Address = address;
        _process.OutputDataReceived += Keep;
        _process.ErrorDataReceived += Keep;
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();

        void Keep(object sender, DataReceivedEventArgs line)
        {
            lock (_output)
            {
                _output.AppendLine(line.Data);
            }
        }
    }

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>What it printed.</summary>
    public string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    /// <summary>Starts it on a directory and a free port.</summary>
    public static async Task<PrometheusProcess> StartAsync(string directory, Uri gateway)
    {
        Directory.CreateDirectory(directory);
        var configuration = Path.Combine(directory, "prometheus.yml");
        await File.WriteAllTextAsync(configuration, $"""
            global:
              scrape_interval: 1s
              scrape_timeout: 1s
              evaluation_interval: 1s
            rule_files: ['{RepositoryRoot.File("deploy", "prometheus", "tollgate.rules.yml")}']
            scrape_configs:
              - job_name: tollgate
                static_configs: [{"{"} targets: ['{gateway.Authority}'] {"}"}]
            """);
        var address = new Uri($"http://127.0.0.1:{LoopbackPort.Free()}");
        var start = new ProcessStartInfo(
            "prometheus",
            [
                "--config.file", configuration, "--storage.tsdb.path", Path.Combine(directory, "data"), "--web.listen-address", address.Authority, "--log.level", "warn",
            ])
        { RedirectStandardOutput = true, RedirectStandardError = true };
        try
        {
            return new(Process.Start(start)!, address);
        }
        catch (Win32Exception)
        {
            Assert.Fail("prometheus is not here. Install Debian's package prometheus (.ci/run does, without starting its server).");
            throw;
        }
    }

    /// <summary>The newest values of a query, or those over the seconds before; none while Prometheus does not answer yet.</summary>
    /// <exception cref="FormatException">It refuses the query.</exception>
    public async Task<IReadOnlyList<double>> AskAsync(string query, DateTimeOffset at, TimeSpan? over)
    {
        var escaped = Uri.EscapeDataString(query);
        var path = over is { } length
            ? string.Create(CultureInfo.InvariantCulture, $"/api/v1/query_range?query={escaped}&start={(at - length).ToUnixTimeSeconds()}&end={at.ToUnixTimeSeconds()}&step=1")
            : string.Create(CultureInfo.InvariantCulture, $"/api/v1/query?query={escaped}&time={at.ToUnixTimeSeconds()}");
        try
        {
            using var answer = JsonDocument.Parse(await Http.GetStreamAsync(new Uri(Address, path)));
            return [.. answer.RootElement.GetProperty("data").GetProperty("result").EnumerateArray().SelectMany(static series =>
                series.TryGetProperty("values", out var values) ? values.EnumerateArray() : Enumerable.Repeat(series.GetProperty("value"), 1))
                .Select(static point => double.Parse(point[1].GetString()!.Replace("Inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture))];
        }
        catch (HttpRequestException failed) when (failed.StatusCode is null or System.Net.HttpStatusCode.ServiceUnavailable)
        {
            return _process.HasExited ? throw new InvalidOperationException($"prometheus ended with {_process.ExitCode}: {Output}") : [];
        }
        catch (HttpRequestException refused)
        {
            throw new FormatException($"Prometheus refuses {query}: {refused.Message}", refused);
        }
    }

    /// <summary>The values of a label of a metric.</summary>
    public async Task<int> CountLabelValuesAsync(string metric, string label)
    {
        using var answer = JsonDocument.Parse(await Http.GetStreamAsync(new Uri(Address, $"/api/v1/label/{label}/values?match[]={metric}")));
        return answer.RootElement.GetProperty("data").GetArrayLength();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }
}
