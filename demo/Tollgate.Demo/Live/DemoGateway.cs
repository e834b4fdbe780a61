using System.Diagnostics;

namespace Tollgate.Demo.Live;

/// <summary>The built gateway as a process, which ends with this one however this one ends.</summary>
/// <remarks>
/// A session of its own keeps the terminal's Ctrl-C from it, so that the demo can still read its metrics; a pipe that closes with this process tells
/// it to end, in order, with its store.
/// </remarks>
internal sealed class DemoGateway : IAsyncDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(100);

    // The shell waits for the pipe's end beside the gateway that takes its place.
    private const string Script = """exec 3<&0; (read -r _ <&3; kill -TERM $$ 2>/dev/null) & exec 3<&- </dev/null >"$2" 2>&1; exec dotnet exec "$0" serve --config "$1" """;

    private readonly Process _process;
    private readonly DemoPlaces _places;
    private readonly TimeProvider _time;
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler { UseProxy = false });

    private DemoGateway(Process process, DemoPlaces places, TimeProvider time) => (_process, _places, _time) = (process, places, time);

    /// <summary>Its process id.</summary>
    public int Id => _process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasEnded => _process.HasExited;

    /// <summary>Starts it and waits until it serves and its store answers.</summary>
    /// <exception cref="IOException">It is not built, or did not start; the message has its last words.</exception>
    public static async Task<DemoGateway> StartAsync(DemoPlaces places, TimeProvider time, CancellationToken cancellationToken)
    {
        var assembly = Find();
        string[] command = File.Exists("/usr/bin/setsid") || File.Exists("/bin/setsid") ? ["setsid", "sh"] : ["sh"];
        var start = new ProcessStartInfo(command[0], [.. command[1..], "-c", Script, assembly, places.Configuration, places.Log]) { RedirectStandardInput = true, WorkingDirectory = places.Directory };
        var gateway = new DemoGateway(Process.Start(start) ?? throw new IOException($"{command[0]} did not start."), places, time);
        try
        {
            var since = time.GetTimestamp();
            while (!await gateway.IsReadyAsync(cancellationToken))
            {
                if (gateway.HasEnded || time.GetElapsedTime(since) > StartPatience)
                {
                    throw new IOException($"The gateway {(gateway.HasEnded ? "ended" : $"was not ready after {StartPatience.TotalSeconds:0} s")}. The last lines of {places.Log}:\n{string.Join('\n', File.ReadLines(places.Log).TakeLast(12))}");
                }

                await Task.Delay(Tick, time, cancellationToken);
            }

            return gateway;
        }
        catch
        {
            await gateway.DisposeAsync();
            throw;
        }
    }

    /// <summary>What <c>/metrics</c> says.</summary>
    public async Task<MetricsText> MetricsAsync(CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"{_places.Admin}/metrics"));
        using var response = await _http.SendAsync(request, cancellationToken);
        return new MetricsText(await response.Content.ReadAsStringAsync(cancellationToken));
    }

    /// <summary>Asks it to end and waits for that; its store ends with it.</summary>
    public async Task StopAsync()
    {
        _process.StandardInput.Close();
        using var late = new CancellationTokenSource(StopPatience, _time);
        try
        {
            await _process.WaitForExitAsync(late.Token);
        }
        catch (OperationCanceledException)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync(CancellationToken.None);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _process.Dispose();
        _http.Dispose();
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri($"{_places.Admin}/readyz"));
            using var response = await _http.SendAsync(request, cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false; // Not listening yet.
        }
    }

    private static string Find()
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            var path = Path.Combine(directory.FullName, "artifacts/bin/Tollgate/release/tollgate.dll");
            if (File.Exists(path))
            {
                return path;
            }
        }

        throw new IOException("The gateway is not built. Run make demo, or: dotnet build -c Release src/Tollgate src/Tollgate.Store");
    }
}
