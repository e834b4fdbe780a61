using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using Tollgate.Store.Engine;
using Tollgate.Store.Http;

namespace Tollgate.Store;

/// <summary>Opens the engine, listens, and ends both in the order that the engine needs.</summary>
internal static partial class StoreHost
{
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(8);

    /// <summary>Runs the store until a signal or its parent's end. Returns the exit code.</summary>
    /// <exception cref="StartupException">It can't start.</exception>
    public static async Task<int> RunAsync(StoreOptions options, TimeProvider time)
    {
        using var stop = new CancellationTokenSource();
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        var startedAt = time.GetTimestamp();
        var engine = await EmbeddedEngine.OpenAsync(options, LibraryLocator.Find(options.Library, AppContext.BaseDirectory), time);
        await using var app = Build(options, new QueryEndpoint(engine));
        try
        {
            await app.StartAsync();
        }
        catch (IOException taken)
        {
            throw new StartupException($"{options.Listen} can't be listened on: {taken.Message} Stop what has the port, or name another with --listen.");
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"tollgate-store {engine.Version} ready on {app.Urls.First()}, data in {options.DataDirectory}, in {time.GetElapsedTime(startedAt).TotalMilliseconds:0} ms"));
        if (options.ParentProcessId is { } parent)
        {
            _ = StopWithParentAsync(parent);
        }

        await UntilFiredAsync(stop.Token);
        using var limit = new CancellationTokenSource(StopLimit, time);
        await app.StopAsync(limit.Token);
        await engine.CloseAsync();

        // Not a return: the library's exit handlers run into threads that it has already joined.
        ExitNow(0);
        return 0;

        void OnSignal(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stop.Cancel();
        }

        async Task StopWithParentAsync(int processId)
        {
            await ParentWatch.UntilGoneAsync(processId, time, CancellationToken.None);
            await stop.CancelAsync();
        }
    }

    private static async Task UntilFiredAsync(CancellationToken token)
    {
        var fired = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = token.UnsafeRegister(static source => ((TaskCompletionSource)source!).TrySetResult(), fired);
        await fired.Task;
    }

    private static WebApplication Build(StoreOptions options, QueryEndpoint endpoint)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;

            // A batch is as large as its sender makes it; the engine's own memory limit is the bound.
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;

            // Longer than any client keeps a connection, so that it is never us who close one that is just being used.
            kestrel.Limits.KeepAliveTimeout = TimeSpan.FromMinutes(10);
            kestrel.Limits.MaxRequestLineSize = 1024 * 1024;
            kestrel.Limits.MaxRequestBufferSize = 2 * 1024 * 1024;
            kestrel.Listen(AddressOf(options.Listen), options.Listen.Port);
        });
        var app = builder.Build();
        app.Run(endpoint.InvokeAsync);
        return app;
    }

    private static IPAddress AddressOf(Uri listen) => IPAddress.TryParse(listen.Host.Trim('[', ']'), out var address) ? address : IPAddress.Loopback;

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitNow(int code);

    /// <summary>Leaves signals alone: they are taken above.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
