using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Rollup;
using Tollgate.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Cli;

/// <summary><c>tollgate migrate rebuild</c>: computes from the ledger anew what is kept beside it, for a range of time.</summary>
/// <remarks>Gateways may go on meanwhile.</remarks>
/// <param name="loader">Reads the configuration.</param>
/// <param name="time">Says when now is, where the range ends unless told.</param>
/// <param name="output">Where the summary goes.</param>
/// <param name="error">Where progress and everything else goes.</param>
internal sealed class RebuildCommand(ConfigurationLoader loader, TimeProvider time, TextWriter output, TextWriter error)
{
    private static readonly string[] Headings = ["from", "to", "attempts", "cost", "sessions", "left alone"];

    /// <summary>The verb.</summary>
    /// <param name="config">The option that names the configuration file.</param>
    /// <param name="json">The option that asks for JSON.</param>
    public Command Create(Option<string?> config, Option<bool> json)
    {
        var from = new Option<string>("--from") { HelpName = "TIME", Required = true, Description = "Where to begin: a day as 2026-11-24 or a time as 2026-11-24T22:15 (UTC). At most 24 months back." };
        var to = new Option<string?>("--to") { HelpName = "TIME", Description = "Where to end; a day ends the range at its midnight, before it begins. Default: now." };
        var command = new Command("rebuild", "Compute usage_15m, usage_1m and sessions anew from the ledger, day by day. Gateways may go on meanwhile.") { from, to, config, json };
        command.SetAction((parsed, cancellation) => RunAsync(parsed.GetValue(config), parsed.GetRequiredValue(from), parsed.GetValue(to), parsed.GetValue(json), cancellation));
        return command;
    }

    private async Task<int> RunAsync(string? file, string from, string? to, bool json, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var end = now;
        if (!UtcTime.TryParse(from, out var begin) || (to is not null && !UtcTime.TryParse(to, out end)))
        {
            await error.WriteLineAsync(UtcTime.TryParse(from, out _) ? UtcTime.Complaint("--to", to!, now) : UtcTime.Complaint("--from", from, now));
            return ExitCodes.WrongUse;
        }

        return await new StoreVerb(loader, error).RunAsync(file, "rebuild", "start the gateway, then run this beside it", (store, _) => RebuildAsync(store, begin, end, json, cancellation));
    }

    private async Task<int> RebuildAsync(StoreClient store, DateTimeOffset begin, DateTimeOffset end, bool json, CancellationToken cancellation)
    {
        try
        {
            var report = await new MoneyRollup(store, time).RebuildAsync(begin, end, new Progress(error), cancellation);
            Write(report, json);
            return ExitCodes.Done;
        }
        catch (RebuildRangeException wrong)
        {
            await error.WriteLineAsync(wrong.Message);
            return ExitCodes.WrongUse;
        }
    }

    private void Write(RebuildReport report, bool json)
    {
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(
                new
                {
                    report.From,
                    report.To,
                    Days = report.Days.Select(static day => new
                    {
                        day.From,
                        day.To,
                        day.Attempts,
                        Nanodollars = day.Cost.Value,
                        day.MinutesTo,
                        day.Sessions,
                        day.BusySessions,
                        day.IsSettled,
                    }),
                    Seconds = Math.Round(report.Elapsed.TotalSeconds, 3),
                },
                CliJson.Options));
            return;
        }

        var rows = new List<string[]> { Headings };
        rows.AddRange(report.Days.Select(static day => Line(UtcTime.Minute(day.From), UtcTime.Minute(day.To), day.Attempts, day.Cost, day.Sessions, day.BusySessions)));
        rows.Add(Line(
            "all",
            string.Empty,
            report.Days.Sum(static day => day.Attempts),
            report.Days.Aggregate(Nanodollars.Zero, static (sum, day) => sum + day.Cost),
            report.Days.Sum(static day => day.Sessions),
            report.Days.Sum(static day => day.BusySessions)));
        TextTable.Write(rows, output);
        if (report.Days.Any(static day => day.BusySessions > 0))
        {
            output.WriteLine("Sessions that got rows in the last ten minutes were left alone; rebuild again once they are quiet.");
        }

        if (report.Days.FirstOrDefault(static day => !day.IsSettled) is { } unsettled)
        {
            output.WriteLine($"Rows for {UtcTime.Minute(unsettled.From)} and later came in faster than usage_1m and sessions could be rebuilt. Money is right; rebuild again for the rest.");
        }

        static string[] Line(string from, string to, long attempts, Nanodollars cost, int sessions, int busy) =>
            [from, to, attempts.ToString(CultureInfo.InvariantCulture), cost.ToString(), sessions.ToString(CultureInfo.InvariantCulture), busy.ToString(CultureInfo.InvariantCulture)];
    }

    /// <summary>One line a day, at once: .NET's own would post it to a thread and lose the order.</summary>
    private sealed class Progress(TextWriter error) : IProgress<RebuiltDay>
    {
        public void Report(RebuiltDay value) => error.WriteLine($"{UtcTime.Minute(value.From)} to {UtcTime.Minute(value.To)}: {value.Attempts} attempts, {value.Cost}");
    }
}
