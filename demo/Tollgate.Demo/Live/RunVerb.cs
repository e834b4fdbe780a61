using System.CommandLine;

namespace Tollgate.Demo.Live;

/// <summary><c>run</c>: the whole demo; what <c>make demo</c> starts.</summary>
internal static class RunVerb
{
    /// <summary>The verb.</summary>
    public static Command Create(TextWriter output, TextWriter error, TimeProvider time)
    {
        var seed = DemoOptions.Seed();
        var days = DemoOptions.Days();
        var speed = new Option<double>("--speed") { Description = "How many times faster than life the team works; 0.5 to 50.", DefaultValueFactory = static _ => 2 };
        var seconds = new Option<int?>("--seconds") { Description = "End after so long. Default: at Ctrl-C." };
        var directory = new Option<string>("--directory") { Description = "Where its files are; emptied at each start.", DefaultValueFactory = static _ => "artifacts/demo" };
        var proxyPort = Port("--proxy-port", 8080);
        var adminPort = Port("--admin-port", 8081);
        var storePort = Port("--store-port", 8123);
        speed.Validators.Add(result =>
        {
            if (result.GetValueOrDefault<double>() is not (>= 0.5 and <= 50))
            {
                result.AddError($"--speed is {result.GetValueOrDefault<double>()}; give 0.5 to 50.");
            }
        });
        var command = new Command("run", "A month of history, a real gateway before a simulated provider, and a team of developers at work.")
        {
            seed,
            days,
            speed,
            seconds,
            directory,
            proxyPort,
            adminPort,
            storePort,
        };
        command.SetAction(async (parsed, enough) =>
        {
            try
            {
                using var files = DemoDirectory.Take(parsed.GetValue(directory)!);
                var places = DemoPlaces.Find(files.Path, parsed.GetValue(proxyPort), parsed.GetValue(adminPort), parsed.GetValue(storePort));
                var length = parsed.GetValue(seconds) is { } some ? TimeSpan.FromSeconds(some) : (TimeSpan?)null;
                var run = new DemoRun(places, new DemoSettings(parsed.GetValue(seed), parsed.GetValue(days), parsed.GetValue(speed), length), output, time);
                return await run.RunAsync(enough) ? 0 : 1;
            }
            catch (IOException failed)
            {
                await error.WriteLineAsync(failed.Message);
                return 1;
            }
            catch (OperationCanceledException) when (enough.IsCancellationRequested)
            {
                return 0; // Stopped before it was at work.
            }
        });
        return command;
    }

    private static Option<int> Port(string name, int port) => new(name) { Description = "Port on 127.0.0.1; 0 takes a free one.", DefaultValueFactory = _ => port };
}
