using System.Diagnostics;
using System.Runtime.Versioning;
using Tollgate.Testing.Gateway;

namespace Tollgate.Tests.Repository;

/// <summary>What tests/run.sh says at its end of suites that fail, so that the last screen of a log tells what to look at.</summary>
[SupportedOSPlatform("linux")]
public sealed class RunScriptTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_failed_is_told_once_more_above_the_sum()
    {
        var message = string.Join('\n', Enumerable.Range(1, 30).Select(static line => $"      line {line}"));
        var (code, told) = await RunAsync($"""
              Starting:    Fake.Tests
                Fake.Tests.Quiet.It works [PASS]
                  Output:
                    unrelated
                Fake.Tests.First.It breaks [FAIL]
                  Assert.Equal() Failure: Values differ
                  Output:
                    telling
                Fake.Tests.Quiet.It also works [PASS]
                  Output:
                    unrelated
                Fake.Tests.Second.It breaks at length [FAIL]
            {message}
            === TEST EXECUTION SUMMARY ===
               Fake.Tests  Total: 5, Errors: 0, Failed: 2, Skipped: 1, Not Run: 0, Time: 1.000s
            """);

        Assert.Equal(1, code);
        Assert.Equal(
            $"""
            Failed:
            == Fake.Tests
                Fake.Tests.First.It breaks [FAIL]
                  Assert.Equal() Failure: Values differ
                  Output:
                    telling
                Fake.Tests.Second.It breaks at length [FAIL]
            {string.Join('\n', message.Split('\n')[..20])}

            2 passed, 2 failed, 1 skipped

            """,
            told[told.IndexOf("Failed:\n", StringComparison.Ordinal)..]);
    }

    [Fact]
    public async Task A_suite_that_died_is_told_with_what_it_said_last()
    {
        var (code, told) = await RunAsync("Unhandled exception. It went away.");

        Assert.Equal(1, code);
        Assert.EndsWith(
            """
            Failed:
            == Fake.Tests
                Fake.Tests ended without a summary, or was ended after 1500 s; it last said
                  Unhandled exception. It went away.

            0 passed, 1 failed, 0 skipped

            """,
            told,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_suites_that_pass_only_the_sum_is_told()
    {
        var (code, told) = await RunAsync("   Fake.Tests  Total: 3, Errors: 0, Failed: 0, Skipped: 0, Not Run: 0, Time: 1.000s");

        Assert.Equal(0, code);
        Assert.DoesNotContain("Failed:\n", told, StringComparison.Ordinal);
        Assert.EndsWith("\n3 passed, 0 failed, 0 skipped\n", told, StringComparison.Ordinal);
    }

    /// <summary>Runs the script with a runtime that only says what a suite would.</summary>
    private static async Task<(int Code, string Told)> RunAsync(string suiteSays)
    {
        using var folder = new TemporaryDirectory();
        var said = Path.Combine(folder.Path, "said");
        await File.WriteAllTextAsync(said, suiteSays + "\n", Cancellation);
        var runtime = Path.Combine(folder.Path, "dotnet");
        await File.WriteAllTextAsync(runtime, $"#!/bin/sh\ncat '{said}'\n", Cancellation);
        File.SetUnixFileMode(runtime, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);

        var start = new ProcessStartInfo(Path.Combine(SourceTree.Root, "tests/run.sh"), ["Fake.Tests"]) { RedirectStandardOutput = true };
        start.Environment["PATH"] = $"{folder.Path}:{Environment.GetEnvironmentVariable("PATH")}";
        start.Environment.Remove("TOLLGATE_SUITE_LIMIT");
        using var process = Process.Start(start)!;
        var told = await process.StandardOutput.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        return (process.ExitCode, told);
    }
}
