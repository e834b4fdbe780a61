using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Audit;
using Tollgate.ClickHouse.Rollup;
using Tollgate.Configuration;
using Tollgate.Hosting;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Recording;
using ConfigurationPath = Tollgate.Configuration.ConfigurationPath;

namespace Tollgate.Cli;

/// <summary><c>tollgate verify</c>: whether a row is missing from the ledger, and whether the money rollup is what the ledger says.</summary>
/// <remarks>
/// Knows only what is stored: rows still in a gateway's spool come after the last number of the table. Rows put aside beside the spool of the configured data
/// directory are excused; those of gateways on other machines count as missing.
/// </remarks>
/// <param name="loader">Reads the configuration.</param>
/// <param name="time">The clock.</param>
/// <param name="output">Where the findings go.</param>
/// <param name="error">Where everything else goes.</param>
internal sealed class VerifyCommand(ConfigurationLoader loader, TimeProvider time, TextWriter output, TextWriter error)
{
    // Enough to see the pattern; --json has them all.
    private const int MostLines = 20;

    private static readonly string[] SpoolHeadings = ["gateway", "spool begun", "first", "last", "rows", "missing", "duplicates"];
    private static readonly string[] DriftHeadings = ["slot", "attempts", "in rollup", "cost", "in rollup", "adrift"];

    /// <summary>The verb.</summary>
    /// <param name="config">The option that names the configuration file.</param>
    /// <param name="json">The option that asks for JSON.</param>
    public Command Create(Option<string?> config, Option<bool> json)
    {
        var since = new Option<string?>("--since") { HelpName = "TIME", Description = "Look at rows from then on: a day as 2026-11-24 or a time as 2026-11-24T22:15 (UTC). Default: all that are kept." };
        var command = new Command("verify", "Look for rows missing from the ledger, and hold the money rollup against it. Exits with 0 when all is there, 1 when not.") { since, config, json };
        command.SetAction((parsed, cancellation) => RunAsync(parsed.GetValue(config), parsed.GetValue(since), parsed.GetValue(json), cancellation));
        return command;
    }

    private async Task<int> RunAsync(string? file, string? since, bool json, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        DateTimeOffset? begin = null;
        if (since is not null)
        {
            if (!UtcTime.TryParse(since, out var parsed))
            {
                await error.WriteLineAsync(UtcTime.Complaint("--since", since, now));
                return ExitCodes.WrongUse;
            }

            if (parsed > now)
            {
                await error.WriteLineAsync($"--since is {ConfigurationPath.Quote(since)}, but it is only {UtcTime.Minute(now)}: there is nothing to look at yet.");
                return ExitCodes.WrongUse;
            }

            begin = parsed;
        }

        return await new StoreVerb(loader, error).RunAsync(file, "verify", "start the gateway, then run this beside it", (store, storage) => VerifyAsync(store, storage, begin, json, cancellation));
    }

    private async Task<int> VerifyAsync(StoreClient store, StorageOptions storage, DateTimeOffset? since, bool json, CancellationToken cancellation)
    {
        var report = await new LedgerAudit(store, time).RunAsync(new AuditScope { Since = since, Excused = PutAside(storage) }, cancellation);
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(ToJson(report), CliJson.Options));
        }
        else
        {
            WriteSpools(report);
            WriteDrift(report.Drift);
            output.WriteLine(Verdict(report));
        }

        return report.IsClean ? ExitCodes.Done : ExitCodes.Failed;
    }

    private static Dictionary<string, IReadOnlyList<SequenceRange>> PutAside(StorageOptions storage)
    {
        var spool = SpoolDirectory.Of(storage);
        return Directory.Exists(spool) && GatewayIdentity.TryRead(storage.DataDirectory) is { } gateway
            ? new(StringComparer.Ordinal) { [gateway] = [.. new DeadLetterBox(spool).Numbers().Select(static number => new SequenceRange(number, number))] }
            : [];
    }

    private void WriteSpools(AuditReport report)
    {
        var rows = new List<string[]> { SpoolHeadings };
        rows.AddRange(report.Spools.Select(static spool => new[]
        {
            spool.GatewayId, UtcTime.Second(spool.BegunAt), Text(spool.First), spool.Last < spool.First ? "none" : Text(spool.Last), Text(spool.Rows), Text(spool.Missing), Text(spool.Duplicates),
        }));
        if (rows.Count > 1)
        {
            TextTable.Write(rows, output);
        }
        else
        {
            output.WriteLine("No gateway has begun a spool in this store.");
        }

        foreach (var (gateway, count) in report.Unnumbered.OrderBy(static pair => pair.Key, StringComparer.Ordinal))
        {
            output.WriteLine($"{gateway}: {Text(count)} more {(count == 1 ? "row" : "rows")} from before it had a spool; whether any of those is missing can't be told.");
        }

        var holes = report.Spools.SelectMany(static spool => spool.Holes.Select(hole => (spool.GatewayId, Hole: hole))).ToArray();
        foreach (var (gateway, hole) in holes.Take(MostLines))
        {
            output.WriteLine(hole.Count == 1 ? $"{gateway}: missing {Text(hole.First)}" : $"{gateway}: missing {Text(hole.First)} to {Text(hole.Last)}, {Text(hole.Count)} rows");
        }

        if (holes.Length > MostLines)
        {
            output.WriteLine($"… and {Text(holes.Length - MostLines)} more ranges; --json lists the first {Text(LedgerAudit.MostHoles)} of each spool.");
        }
    }

    private void WriteDrift(DriftAudit drift)
    {
        output.WriteLine();
        if (drift.Drifting > 0)
        {
            var rows = new List<string[]> { DriftHeadings };
            rows.AddRange(drift.Worst.Take(MostLines).Select(static slot => new[]
            {
                UtcTime.Minute(slot.Slot), Text(slot.LedgerAttempts), Text(slot.RollupAttempts), slot.LedgerCost.ToString(), slot.RollupCost.ToString(), slot.Cost.ToString(),
            }));
            TextTable.Write(rows, output);
        }

        output.WriteLine(
            $"{Text(drift.Slots)} quarters of an hour compared with the rollup, {Text(drift.Drifting)} differ"
            + (drift.Unsettled == 0 ? "." : $"; {Text(drift.Unsettled)} not compared, as rows came for them in the last ten minutes."));
    }

    private static string Verdict(AuditReport report)
    {
        if (report.IsClean)
        {
            return "Nothing is missing and nothing drifts.";
        }

        var missing = report.Missing == 0 ? "Nothing is missing." : $"{Text(report.Missing)} {(report.Missing == 1 ? "row is" : "rows are")} missing: look for them among the gateway's dead letters and in its log.";
        if (report.Drift.Drifting == 0)
        {
            return missing;
        }

        // The worst are listed, not all: a range around them may leave some out, and the next run names those.
        var from = report.Drift.Worst.Min(static slot => slot.Slot);
        var to = report.Drift.Worst.Max(static slot => slot.Slot) + MoneySlot.Length;
        return $"{missing} Money drifts by {report.Drift.Cost}; compute it anew: tollgate migrate rebuild --from {UtcTime.Minute(from)} --to {UtcTime.Minute(to)}";
    }

    // Row numbers are text: they are larger than a JavaScript number is exact.
    private static object ToJson(AuditReport report) => new
    {
        report.At,
        Clean = report.IsClean,
        report.Missing,
        Spools = report.Spools.Select(static spool => new
        {
            spool.GatewayId,
            spool.BegunAt,
            First = Text(spool.First),
            Last = Text(spool.Last),
            spool.Rows,
            spool.Missing,
            spool.Duplicates,
            Holes = spool.Holes.Select(static hole => new { First = Text(hole.First), Last = Text(hole.Last), hole.Count }),
        }),
        report.Unnumbered,
        Drift = new
        {
            report.Drift.Slots,
            report.Drift.Unsettled,
            report.Drift.Drifting,
            report.Drift.Attempts,
            Nanodollars = report.Drift.Cost.Value,
            Worst = report.Drift.Worst.Select(static slot => new
            {
                slot.Slot,
                slot.LedgerAttempts,
                slot.RollupAttempts,
                LedgerNanodollars = slot.LedgerCost.Value,
                RollupNanodollars = slot.RollupCost.Value,
                slot.Attempts,
                Nanodollars = slot.Cost.Value,
            }),
        },
        Seconds = Math.Round(report.Elapsed.TotalSeconds, 3),
    };

    private static string Text(long value) => value.ToString(CultureInfo.InvariantCulture);

    private static string Text(ulong value) => value.ToString(CultureInfo.InvariantCulture);
}
