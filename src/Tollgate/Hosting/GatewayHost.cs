using System.Data.Common;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging.Console;
using Tollgate.Cli;
using Tollgate.Configuration;
using Tollgate.Control;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Hosting;

/// <summary>Runs the gateway with a valid configuration until it is told to stop.</summary>
internal static class GatewayHost
{
    /// <summary>Runs it. Returns the process's exit code.</summary>
    /// <param name="configuration">What was read; valid.</param>
    /// <param name="loader">Reads it again when it changes.</param>
    /// <param name="cancellation">Stops the gateway, as SIGTERM and SIGINT do.</param>
    public static async Task<int> RunAsync(ConfigurationResult configuration, ConfigurationLoader loader, CancellationToken cancellation)
    {
        using var loggers = LoggerFactory.Create(static logging => logging
            .SetMinimumLevel(LogLevel.Information)
            .AddFilter("Microsoft", LogLevel.Warning)

            // Kestrel reports each answer that breaks off as an unhandled exception; the ledger and the counters have it already.
            .AddFilter("Microsoft.AspNetCore.Server.Kestrel", LogLevel.Critical)
            .AddFilter("Microsoft.AspNetCore.Server.Kestrel.Transport", LogLevel.Warning)

            // Enabled at any level, it gives each request an activity, which nothing here reads and every await then has to carry.
            .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None)
            .AddSimpleConsole(static console =>
            {
                console.SingleLine = true;
                console.UseUtcTimestamp = true;
                console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
                console.ColorBehavior = Console.IsOutputRedirected ? LoggerColorBehavior.Disabled : LoggerColorBehavior.Default;
            }));

        // The first signal drains; the second one hurries: what still streams is cut.
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var hurry = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);

        var options = configuration.Options!;
        using var control = await OpenControlAsync(options, stop.Token);
        if (control is null)
        {
            return ExitCodes.Failed;
        }

        await using var gateway = new Gateway(configuration, loader, control, loggers, TimeProvider.System);
        try
        {
            await gateway.StartAsync(stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await gateway.StopAsync(hurry.Token);
            return 0;
        }

        Console.Out.WriteLine(gateway.Banner());
        await UntilFiredAsync(stop.Token);
        await gateway.StopAsync(hurry.Token);
        return 0;

        void OnSignal(PosixSignalContext signal)
        {
            signal.Cancel = true;
            if (stop.IsCancellationRequested)
            {
                hurry.Cancel();
            }

            stop.Cancel();
        }
    }

    /// <summary>The control store with the file's objects laid over it; null after a message when it can't be had.</summary>
    private static async Task<ControlStore?> OpenControlAsync(TollgateOptions options, CancellationToken cancellation)
    {
        try
        {
            var control = await ControlStore.OpenAsync(options.Control, options.Storage.DataDirectory, TimeProvider.System, cancellation);
            await control.SetDeclaredAsync(options, cancellation);
            return control;
        }
        catch (Exception exception) when (exception is ControlUnavailableException or DbException or InvalidOperationException or OperationCanceledException)
        {
            await Console.Error.WriteLineAsync($"The control store could not be opened: {exception.Message}");
            return null;
        }
    }

    private static async Task UntilFiredAsync(CancellationToken token)
    {
        var fired = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = token.UnsafeRegister(static source => ((TaskCompletionSource)source!).TrySetResult(), fired);
        await fired.Task;
    }
}
