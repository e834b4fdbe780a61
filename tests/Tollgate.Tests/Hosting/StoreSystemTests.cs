using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Tollgate.Hosting;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Tests.Hosting;

/// <summary>With real processes and sockets: shell scripts stand in for the store.</summary>
public sealed class StoreSystemTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("tollgate-store").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task A_store_is_asked_to_end_with_SIGTERM_and_its_exit_code_is_known()
    {
        using var system = Script("trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done", out var log);
        using var process = system.Start();
        Assert.Equal("up", await log.First.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        process.Terminate();
        Assert.Equal(5, await process.Exited.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        process.Terminate();
    }

    [Fact]
    public async Task A_store_that_ignores_SIGTERM_can_be_killed()
    {
        using var system = Script("trap '' TERM; echo up; while :; do sleep 0.05; done", out var log);
        using var process = system.Start();
        await log.First.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        process.Terminate();
        process.Kill();
        Assert.Equal(128 + 9, await process.Exited.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_store_gets_its_arguments_and_none_of_the_gateways_secrets()
    {
        Environment.SetEnvironmentVariable("TOLLGATE__STORAGE__CONNECTIONSTRING", "canary");
        try
        {
            using var system = Script("echo \"$* secret=$TOLLGATE__STORAGE__CONNECTIONSTRING home=${HOME:+kept}\"", out var log);
            using var process = system.Start();
            var line = await log.First.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
            Assert.StartsWith("--listen http://127.0.0.1:8123 --data ", line, StringComparison.Ordinal);
            Assert.EndsWith($"--max-memory 1073741824 --max-threads 2 --parent-pid {Environment.ProcessId} secret= home=kept", line, StringComparison.Ordinal);
            await process.Exited.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        }
        finally
        {
            Environment.SetEnvironmentVariable("TOLLGATE__STORAGE__CONNECTIONSTRING", null);
        }
    }

    [Fact]
    public async Task A_store_and_whatever_it_starts_give_way_to_the_gateway()
    {
        using var system = Script("echo \"$(nice) $(sh -c nice)\"", out var log);
        using var process = system.Start();
        Assert.Equal("10 10", await log.First.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        await process.Exited.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        Assert.Equal(ProcessPriorityClass.Normal, Process.GetCurrentProcess().PriorityClass);
    }

    [Fact]
    public async Task An_address_is_taken_while_somebody_listens_there()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var options = new StorageOptions { Listen = $"http://{listener.LocalEndpoint}" };
        using var system = new StoreSystem(options, _directory, new FirstLine());
        Assert.True(await system.IsAddressTakenAsync(TestContext.Current.CancellationToken));
        listener.Stop();
        Assert.False(await system.IsAddressTakenAsync(TestContext.Current.CancellationToken));
        Assert.False(await system.PingAsync(TestContext.Current.CancellationToken));
    }

    [Fact]
    public void An_executable_that_can_not_be_executed_is_an_error_that_names_it()
    {
        File.WriteAllText(Path.Combine(_directory, StoreExecutable.Name), "");
        using var system = new StoreSystem(new StorageOptions(), _directory, new FirstLine());
        Assert.Contains(_directory, Assert.Throws<StoreUnavailableException>(system.Start).Message, StringComparison.Ordinal);
    }

    private StoreSystem Script(string body, out FirstLine log)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "shell scripts");
        var file = Path.Combine(_directory, StoreExecutable.Name);
        File.WriteAllText(file, $"#!/bin/sh\n{body}\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.UserWrite);
        }

        log = new FirstLine();
        return new StoreSystem(new StorageOptions(), _directory, log);
    }

    /// <summary>A log of which the first line counts: what the script says once it is ready.</summary>
    private sealed class FirstLine : ILogger<StoreSystem>
    {
        public TaskCompletionSource<string> First { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            First.TrySetResult(formatter(state, exception)["store: ".Length..]);
    }
}
