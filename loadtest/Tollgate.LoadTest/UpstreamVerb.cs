using System.CommandLine;
using System.Globalization;
using Tollgate.LoadTest.Upstream;

namespace Tollgate.LoadTest;

/// <summary><c>upstream</c>: the fake provider, as a process of its own.</summary>
internal static class UpstreamVerb
{
    /// <summary>The verb.</summary>
    public static Command Create(TextWriter output)
    {
        var scenario = new Argument<string>("scenario") { Description = "Whose answers it gives." };
        scenario.AcceptOnlyFromAmong([.. Scenario.All.Select(static each => each.Name)]);
        var verb = new Command("upstream", "The fake provider: prints its loopback port and answers until its standard input ends.") { scenario };
        verb.SetAction((parsed, cancellation) => RunAsync(Scenario.Find(parsed.GetRequiredValue(scenario))!, output, cancellation));
        return verb;
    }

    private static async Task<int> RunAsync(Scenario scenario, TextWriter output, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var loop = new UpstreamLoop(scenario.Answer());
        await output.WriteLineAsync(loop.Port.ToString(CultureInfo.InvariantCulture));
        var serving = Task.Factory.StartNew(() => loop.Run(stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

        // Whoever started it holds the other end: it ends with them, however they end.
        var ended = Console.In.ReadToEndAsync(cancellation);
        await Task.WhenAny(ended, serving);
        await stop.CancelAsync();
        await serving;
        return 0;
    }
}
