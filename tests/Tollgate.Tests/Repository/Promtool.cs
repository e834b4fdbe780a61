using System.ComponentModel;
using System.Diagnostics;

namespace Tollgate.Tests.Repository;

/// <summary>Prometheus's own tool.</summary>
internal static class Promtool
{
    /// <summary>Runs it, and fails with its words when it does not agree.</summary>
    public static async Task RunAsync(string directory, params string[] arguments)
    {
        var start = new ProcessStartInfo("promtool", arguments) { WorkingDirectory = directory, RedirectStandardOutput = true, RedirectStandardError = true };
        Process process;
        try
        {
            process = Process.Start(start)!;
        }
        catch (Win32Exception)
        {
            Assert.Fail("promtool is not here. Install Debian's package prometheus (.ci/run does, without starting its server).");
            throw;
        }

        using (process)
        {
            var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
            var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(process.ExitCode == 0, $"{await output}\n{await errors}");

            // It only tells of these.
            Assert.DoesNotContain("duplicate rule", await output, StringComparison.Ordinal);
        }
    }
}
