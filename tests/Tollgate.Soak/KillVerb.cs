using System.CommandLine;
using System.Globalization;

namespace Tollgate.Soak;

/// <summary><c>kill</c>: kill rounds, told as they go, with a table at the end.</summary>
internal static class KillVerb
{
    /// <summary>The verb.</summary>
    public static Command Create(TextWriter output)
    {
        var defaults = new KillRoundsOptions();
        var rounds = new Option<int>("--rounds") { Description = "Rounds, one kill each.", DefaultValueFactory = _ => defaults.Rounds };
        var minutes = new Option<double>("--minutes") { Description = "Longest time for the rounds.", DefaultValueFactory = _ => defaults.Limit.TotalMinutes };
        var seed = new Option<int>("--seed") { Description = "What decides moments, victims and calls; without it another each time, and printed.", DefaultValueFactory = static _ => Random.Shared.Next() };
        var clients = new Option<int>("--clients") { Description = "Clients that call without end.", DefaultValueFactory = _ => defaults.Clients };
        var store = new Option<SoakStore>("--store") { Description = "embedded: started by the gateway (default). server: a process of its own, so that rounds are shorter." };
        var check = new Option<int>("--check-every") { Description = "Rounds between two looks at the rows.", DefaultValueFactory = _ => defaults.RoundsPerCheck };
        var victims = new Option<Victim[]>("--victims") { Description = "What may be killed.", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [.. defaults.Victims] };
        rounds.RequirePositive();
        minutes.RequirePositive();
        clients.RequirePositive();
        check.RequirePositive();
        var verb = new Command("kill", "Kill the gateway, its store or both at random moments under load, start again, go on; compare the ledger with what clients got.")
        {
            rounds, minutes, seed, victims, clients, store, check,
        };
        verb.SetAction((parsed, cancellation) => RunAsync(
            new KillRoundsOptions
            {
                Rounds = parsed.GetValue(rounds),
                Limit = TimeSpan.FromMinutes(parsed.GetValue(minutes)),
                Seed = parsed.GetValue(seed),
                Victims = parsed.GetRequiredValue(victims),
                Clients = parsed.GetValue(clients),
                Store = parsed.GetValue(store),
                RoundsPerCheck = parsed.GetValue(check),
            },
            output,
            cancellation));
        return verb;
    }

    private static async Task<int> RunAsync(KillRoundsOptions options, TextWriter output, CancellationToken cancellation)
    {
        var line = new ProgressLine(output, Console.IsOutputRedirected);
        await output.WriteLineAsync($"{options.Rounds} rounds, seed {options.Seed}, {options.Clients} clients, store {Word(options.Store)}");
        var report = await KillRounds.RunAsync(options, progress => line.Tell(Describe(progress)), cancellation);
        line.End();
        foreach (var offence in report.Verdict.Offences)
        {
            await output.WriteLineAsync(offence);
        }

        ClosingTable.Write(Rows(report, options.Seed), output);
        if (report.IsExact)
        {
            return 0;
        }

        await output.WriteLineAsync($"The ledger is not exact. It is kept, with the gateway's last words: {report.KeptDirectory}");
        return 1;
    }

    private static string Describe(KillRoundsProgress at)
    {
        var left = at.Round == 0 ? "?" : Clock(at.Elapsed / at.Round * (at.Rounds - at.Round));
        return string.Create(
            CultureInfo.InvariantCulture,
            $"round {at.Round}/{at.Rounds}, killed {Kills(at.Kills)}, {at.Answered} of {at.Sent} answered ({at.Answered / Math.Max(at.Elapsed.TotalSeconds, 0.001):F0}/s), missing {at.Missing}, wrong {at.Wrong}, {Clock(at.Elapsed)}, {left} left, {at.Doing}");
    }

    private static IEnumerable<(string Name, string Value)> Rows(KillRoundsReport report, int seed)
    {
        var verdict = report.Verdict;
        yield return ("rounds", Number(report.Rounds));
        yield return ("kills of gateway/store/both", Kills(report.Kills));
        yield return ("kill to service, median/longest", $"{report.Recovery.Median.TotalSeconds:F2} s / {report.Recovery.Longest.TotalSeconds:F2} s");
        yield return ("calls sent", Number(report.Sent));
        yield return ("answered in full", Number(verdict.Answered));
        yield return ("broken off / refused", $"{report.Unanswered} / {report.Refused}");
        yield return ("replies served that no client is known to have in full", Number(verdict.InFlight));
        yield return ("rows found", Number(verdict.Rows));
        yield return ("rows of crashed attempts", Number(verdict.Crashed));
        yield return ("missing", Number(verdict.Missing));
        yield return ("unaccounted: served, no row, no crashed row for it", Number(verdict.Unaccounted));
        yield return ("duplicates", Number(verdict.Duplicates));
        yield return ("duplicates stored, seen without FINAL", Number(report.StoredTwice));
        yield return ("misfiled", Number(verdict.Misfiled));
        yield return ("tokens of the answers served / recorded", $"{verdict.Tokens.Served} / {verdict.Tokens.Recorded}");
        yield return ("nano-dollars of the answers served / recorded", $"{verdict.Cost.Served} / {verdict.Cost.Recorded}");
        yield return ("drift of found rows, tokens", Number(verdict.TokenDrift));
        yield return ("drift of found rows, USD", (verdict.CostDrift / 1_000_000_000m).ToString("F9", CultureInfo.InvariantCulture));
        yield return ("usage_15m", !report.HasRollup ? "empty: there is no rollup yet" : report.RollupProblem.Length == 0 ? "equals the rows" : report.RollupProblem);
        yield return ("duration", Clock(report.Duration));
        yield return ("seed", seed.ToString(CultureInfo.InvariantCulture));
    }

    private static string Kills(IReadOnlyDictionary<Victim, int> kills) => $"{kills[Victim.Gateway]}/{kills[Victim.Store]}/{kills[Victim.Both]}";

    private static string Word(SoakStore store) => store == SoakStore.Embedded ? "embedded" : "server";

    private static string Number(long number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Clock(TimeSpan span) => span.ToString(@"hh\:mm\:ss", CultureInfo.InvariantCulture);
}
