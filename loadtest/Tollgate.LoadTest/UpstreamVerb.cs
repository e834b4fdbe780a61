using System.CommandLine;
using System.Globalization;
using Tollgate.LoadTest.Polling;
using Tollgate.LoadTest.Upstream;
using Tollgate.LoadTest.Wire;

namespace Tollgate.LoadTest;

/// <summary><c>upstream</c>: the fake provider, as a process of its own.</summary>
internal static class UpstreamVerb
{
    /// <summary>The verb.</summary>
    public static Command Create(TextWriter output)
    {
        var scenario = new Argument<string>("scenario") { Description = "Whose answers it gives." };
        scenario.AcceptOnlyFromAmong([.. Scenario.All.Select(static each => each.Name)]);
        var pause = new Option<double>("--pause") { Description = "Seconds between the events of a stream that is held.", DefaultValueFactory = static _ => 2 };
        var frames = new Option<int>("--frames") { Description = "Its events.", DefaultValueFactory = static _ => 6 };
        var certificate = new Option<string?>("--certificate") { Description = "PEM file; with it, it speaks TLS." };
        var key = new Option<string?>("--key") { Description = "The certificate's." };
        var verb = new Command("upstream", "The fake provider: prints its loopback port and answers until its standard input ends.") { scenario, pause, frames, certificate, key };
        verb.SetAction((parsed, cancellation) => RunAsync(Scenario.Find(parsed.GetRequiredValue(scenario))!.Answer(TimeSpan.FromSeconds(parsed.GetValue(pause)), parsed.GetValue(frames)), parsed.GetValue(certificate), parsed.GetValue(key), output, cancellation));
        return verb;
    }

    private static async Task<int> RunAsync(AnswerBytes answer, string? certificate, string? key, TextWriter output, CancellationToken cancellation)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        using var tls = certificate is null ? null : TlsContext.Server(certificate, key ?? certificate);
        using var loop = new UpstreamLoop(answer, tls);
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
