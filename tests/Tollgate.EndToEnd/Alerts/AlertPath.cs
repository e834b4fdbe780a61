using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Tollgate.EndToEnd.Alerts;

/// <summary>From a gateway's metrics to a person: a real Prometheus, a real Alertmanager, and who is told.</summary>
internal sealed class AlertPath : IAsyncDisposable
{
    /// <summary>How often Prometheus scrapes and evaluates.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly TemporaryDirectory _directory;
    private readonly List<Process> _processes = [];
    private readonly StringBuilder _output = new();
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = Patience };
    private readonly int _port = LoopbackPort.Free();

    private AlertPath(TemporaryDirectory directory, WebhookReceiver receiver)
    {
        _directory = directory;
        Receiver = receiver;
    }

    /// <summary>Who is told.</summary>
    public WebhookReceiver Receiver { get; }

    /// <summary>Whether both are on this machine.</summary>
    public static bool IsInstalled => Array.TrueForAll(["prometheus", "prometheus-alertmanager"], static program =>
        (Environment.GetEnvironmentVariable("PATH") ?? string.Empty).Split(':').Any(directory => File.Exists(Path.Combine(directory, program))));

    /// <summary>Starts both, and waits until the gateway has been scraped.</summary>
    /// <param name="adminAddress">The gateway's admin listener.</param>
    /// <param name="rules">The file of rules.</param>
    /// <param name="cancellationToken">Gives the start up.</param>
    public static async Task<AlertPath> StartAsync(string adminAddress, string rules, CancellationToken cancellationToken)
    {
        var path = new AlertPath(new TemporaryDirectory(), await WebhookReceiver.StartAsync());
        try
        {
            await path.LaunchAsync(new Uri(adminAddress).Authority, rules, cancellationToken);
            return path;
        }
        catch
        {
            await path.DisposeAsync();
            throw;
        }
    }

    /// <summary>Every sample that Prometheus has of a series: when, in Unix seconds, and what.</summary>
    public async Task<IReadOnlyList<(double At, double Value)>> SamplesAsync(string selector, CancellationToken cancellationToken)
    {
        var answer = await AskAsync($"/api/v1/query?query={Uri.EscapeDataString($"{selector}[5m]")}", cancellationToken);
        return [.. answer["result"]!.AsArray().SelectMany(static series => series!["values"]!.AsArray()).Select(static sample =>
            (sample![0]!.GetValue<double>(), double.Parse(sample[1]!.GetValue<string>(), NumberStyles.Float, CultureInfo.InvariantCulture)))];
    }

    /// <summary>Asks again until what Prometheus has of a series satisfies.</summary>
    public async Task<IReadOnlyList<(double At, double Value)>> SamplesUntilAsync(string selector, Func<IReadOnlyList<(double At, double Value)>, bool> satisfies, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (true)
        {
            var samples = await SamplesAsync(selector, cancellationToken);
            if (satisfies(samples))
            {
                return samples;
            }

            if (Stopwatch.GetElapsedTime(started) > Patience)
            {
                throw new TimeoutException($"Prometheus still has of {selector}: {string.Join(", ", samples)}\n{Output}");
            }

            await timer.WaitForNextTickAsync(cancellationToken);
        }
    }

    /// <summary>What is told of an alert next, by when Prometheus saw its condition begin.</summary>
    public async Task<ToldAlert> NextAsync(string alert, DateTimeOffset begunAfter, CancellationToken cancellationToken)
    {
        using var late = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        late.CancelAfter(Patience);
        try
        {
            while (true)
            {
                var told = await Receiver.NextAsync(late.Token);
                if (told.Name == alert && told.Status == "firing" && told.StartsAt > begunAfter)
                {
                    return told;
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new TimeoutException($"Nobody was told of {alert} within {Patience}.\n{Output}");
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            if (!process.HasExited)
            {
                process.Kill();
                await process.WaitForExitAsync();
            }

            process.Dispose();
        }

        await Receiver.DisposeAsync();
        _http.Dispose();
        _directory.Dispose();
    }

    private string Output
    {
        get
        {
            lock (_output)
            {
                return _output.ToString();
            }
        }
    }

    private async Task LaunchAsync(string target, string rules, CancellationToken cancellationToken)
    {
        var alertmanager = LoopbackPort.Free();
        var routes = Write("alertmanager.yml", $$"""
            route: { receiver: hook, group_by: ["..."], group_wait: 0s, group_interval: 1s, repeat_interval: 1h }
            receivers: [{ name: hook, webhook_configs: [{ url: "{{Receiver.Address}}", send_resolved: true }] }]
            """);
        Launch(
            "prometheus-alertmanager", $"--config.file={routes}", $"--storage.path={_directory.Subdirectory("alertmanager")}", $"--web.listen-address=127.0.0.1:{alertmanager}",
            "--cluster.listen-address=", "--log.level=warn");
        var configuration = Write("prometheus.yml", $$"""
            global: { scrape_interval: {{Interval.TotalSeconds}}s, evaluation_interval: {{Interval.TotalSeconds}}s }
            rule_files: ["{{rules}}"]
            alerting: { alertmanagers: [{ static_configs: [{ targets: ["127.0.0.1:{{alertmanager}}"] }] }] }
            scrape_configs: [{ job_name: tollgate, static_configs: [{ targets: ["{{target}}"] }] }]
            """);
        Launch(
            "prometheus", $"--config.file={configuration}", $"--storage.tsdb.path={_directory.Subdirectory("prometheus")}", $"--web.listen-address=127.0.0.1:{_port}", "--log.level=warn");
        await Until.TrueAsync(() => LoopbackPort.Accepts(alertmanager) && LoopbackPort.Accepts(_port), Patience, "Prometheus and Alertmanager listen", cancellationToken);
        await SamplesUntilAsync("up{job=\"tollgate\"}", static samples => samples.Any(static sample => sample.Value is 1), cancellationToken);
    }

    private string Write(string name, string text)
    {
        var file = Path.Combine(_directory.Path, name);
        File.WriteAllText(file, text);
        return file;
    }

    private void Launch(string program, params string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = _directory.Path, RedirectStandardOutput = true, RedirectStandardError = true };
        var process = Process.Start(start) ?? throw new Win32Exception($"{program} did not start.");
        process.OutputDataReceived += Append;
        process.ErrorDataReceived += Append;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        _processes.Add(process);

        void Append(object sender, DataReceivedEventArgs line)
        {
            lock (_output)
            {
                _output.AppendLine(line.Data);
            }
        }
    }

    // While it starts it answers 503.
    private async Task<JsonNode> AskAsync(string path, CancellationToken cancellationToken)
    {
        using var response = await _http.GetAsync(new Uri($"http://127.0.0.1:{_port}{path}"), cancellationToken);
        var text = await response.Content.ReadAsStringAsync(cancellationToken);
        return response.IsSuccessStatusCode ? JsonNode.Parse(text)!["data"]! : new JsonObject { ["result"] = new JsonArray() };
    }
}
