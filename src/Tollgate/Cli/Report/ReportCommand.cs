using System.CommandLine;
using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Spend;
using Tollgate.Configuration;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Configuration;
using ConfigurationPath = Tollgate.Configuration.ConfigurationPath;

namespace Tollgate.Cli.Report;

/// <summary><c>tollgate report</c>: what the ledger says was spent, by time, by who, and for what.</summary>
/// <param name="loader">Reads the configuration.</param>
/// <param name="time">The clock, and the machine's time zone.</param>
/// <param name="terminal">Looks at what the streams lead to; only asked when a report is written.</param>
/// <param name="output">Where the report goes.</param>
/// <param name="error">Where everything else goes.</param>
internal sealed class ReportCommand(ConfigurationLoader loader, TimeProvider time, Func<Terminal> terminal, TextWriter output, TextWriter error)
{
    private const int MostNearNames = 3;

    private const string WhenAway = "start the gateway, then run this beside it. A store elsewhere is named by --store or the configuration";

    private readonly Option<string?> _since = new("--since") { HelpName = "DAY", Description = "The first day, as 2026-11-24 or 20261124. Default: the oldest that is kept." };
    private readonly Option<string?> _until = new("--until") { HelpName = "DAY", Description = "The last day, included. Default: the newest." };
    private readonly Option<string?> _timeZone = new("--timezone") { HelpName = "NAME", Description = "The time zone that days are told in, as Europe/Berlin. Default: this machine's." };
    private readonly Option<string> _weekStart = new("--start-of-week") { HelpName = "DAY", Description = "The first day of a week, as sunday. Default: monday.", DefaultValueFactory = static _ => "monday" };
    private readonly Option<string[]> _developer = Filter("developer");
    private readonly Option<string[]> _team = Filter("team");
    private readonly Option<string[]> _project = Filter("project");
    private readonly Option<string[]> _model = Filter("model");
    private readonly Argument<string> _other = new("MODEL") { Description = "The other model: its id, or any name the price list knows it by." };
    private readonly Option<string> _by = new("--by") { HelpName = "KEY", Description = "A line for each developer, team, project or model. Default: team.", DefaultValueFactory = static _ => "team" };
    private readonly Option<bool> _csv = new("--csv") { Description = "Print CSV, with a line of headings." };
    private readonly Option<string?> _store = new("--store") { HelpName = "URL", Description = "Read this ClickHouse server, as http://user:password@host:8123, and no configuration." };

    /// <summary>The verb with all of its own.</summary>
    /// <param name="config">The option that names the configuration file.</param>
    /// <param name="json">The option that asks for JSON.</param>
    public Command Create(Option<string?> config, Option<bool> json)
    {
        _weekStart.AcceptOnlyFromAmong([.. Enum.GetNames<DayOfWeek>().Select(static day => day.ToLowerInvariant())]);
        var command = new Command("report", "What was spent, from the ledger: by day, week, month, session, block of five hours, developer, team, project or model. Read-only.");
        foreach (var kind in ReportKind.All)
        {
            command.Add(Verb(kind.Verb, $"{kind.Description} --json is shaped as ccusage's.", kind.Key == ReportKey.Week, _ => (store, scope, format, cancellation) => ReportAsync(store, kind, scope, format, cancellation)));
        }

        command.Add(Verb("blocks", "Spend by blocks of five hours, cut as ccusage cuts them; with --developer, one person's. --json is shaped as ccusage's.", false, _ => BlocksAsync));
        _by.AcceptOnlyFromAmong([.. ReportKind.Names.Select(static kind => kind.Verb)]);
        var whatIf = Verb("what-if", "What the same tokens would have cost at another model's prices.", false, parsed => (store, scope, format, cancellation) =>
            WhatIfAsync(store, ReportKind.Names.First(kind => kind.Verb == parsed.GetRequiredValue(_by)), parsed.GetRequiredValue(_other), scope, format, cancellation));
        whatIf.Add(_other);
        whatIf.Add(_by);
        command.Add(whatIf);
        return command;

        Command Verb(string name, string description, bool isWeekly, Func<ParseResult, Report> run)
        {
            var verb = new Command(name, description) { _since, _until, _timeZone, _developer, _team, _project, _model, json, _csv, config, _store };
            if (isWeekly)
            {
                verb.Add(_weekStart);
            }

            verb.SetAction((parsed, cancellation) => RunAsync(parsed, parsed.GetValue(config), parsed.GetValue(json), isWeekly, run(parsed), cancellation));
            return verb;
        }
    }

    private delegate Task<int> Report(StoreClient store, ReportScope scope, Format format, CancellationToken cancellation);

    private enum Format
    {
        Table,
        Json,
        Csv,
    }

    private async Task<int> RunAsync(
        ParseResult parsed, string? file, bool json, bool isWeekly, Report run, CancellationToken cancellation)
    {
        var (csv, address) = (parsed.GetValue(_csv), parsed.GetValue(_store));
        var request = new ReportRequest
        {
            Since = parsed.GetValue(_since),
            Until = parsed.GetValue(_until),
            TimeZone = parsed.GetValue(_timeZone),
            WeekStart = isWeekly ? Enum.Parse<DayOfWeek>(parsed.GetRequiredValue(_weekStart), ignoreCase: true) : DayOfWeek.Monday,
            Developers = parsed.GetValue(_developer) ?? [],
            Teams = parsed.GetValue(_team) ?? [],
            Projects = parsed.GetValue(_project) ?? [],
            Models = parsed.GetValue(_model) ?? [],
        };
        if (Problem(request, address, file, json && csv, out var scope, out var storage) is { } problem)
        {
            await error.WriteLineAsync(problem);
            return ExitCodes.WrongUse;
        }

        var verb = new StoreVerb(loader, error);
        var format = json ? Format.Json : csv ? Format.Csv : Format.Table;
        return storage is null
            ? await verb.RunAsync(file, "report on", WhenAway, (store, _) => run(store, scope, format, cancellation))
            : await verb.RunAsync(storage, "Is --store right, and does the store run? The embedded one runs only with its gateway.", store => run(store, scope, format, cancellation));
    }

    private string? Problem(ReportRequest request, string? address, string? file, bool isTwoFormats, out ReportScope scope, out StorageOptions? storage)
    {
        storage = address is null ? null : StoreUrl.Parse(address);
        return request.Resolve(time, out scope) is { } wrong ? wrong
            : isTwoFormats ? "Say --json or --csv, not both."
            : address is not null && file is not null ? "Say --store or --config, not both: --store reads no configuration."

            // Not the value: it may hold a password.
            : address is not null && storage is null ? "--store must be http:// or https://, a host and a port, as http://127.0.0.1:8123; a user and password may stand before the host."
            : null;
    }

    private async Task<int> ReportAsync(StoreClient store, ReportKind kind, ReportScope scope, Format format, CancellationToken cancellation)
    {
        var seen = terminal();
        var reports = new SpendReports(store, time);
        IReadOnlyList<ReportLine> lines;
        IReadOnlyList<DaySpend>? days = null;
        using (new WaitingLine(time, error, seen.IsError))
        {
            lines = await reports.LinesAsync(kind.Key, scope, cancellation);
            if (format == Format.Table && seen.IsOutput && lines.Count > 0 && kind.Key != ReportKey.Session)
            {
                days = await reports.DaysAsync(kind.Key, scope, cancellation);
            }
        }

        await SayIfNoneAsync(lines.Count, scope);
        switch (format)
        {
            case Format.Json:
                output.WriteLine(ReportJson.Write(kind, lines));
                break;
            case Format.Csv:
                ReportCsv.Write(kind, lines, output);
                break;
            case Format.Table when lines.Count > 0:
                new ReportTable(seen, output).Write(kind, scope, lines, days);
                break;
        }

        return ExitCodes.Done;
    }

    private async Task<int> BlocksAsync(StoreClient store, ReportScope scope, Format format, CancellationToken cancellation)
    {
        var seen = terminal();
        IReadOnlyList<UsageBlock> blocks;
        using (new WaitingLine(time, error, seen.IsError))
        {
            blocks = await new SpendReports(store, time).BlocksAsync(scope, cancellation);
        }

        await SayIfNoneAsync(blocks.Count, scope);
        switch (format)
        {
            case Format.Json:
                output.WriteLine(ReportJson.Write(blocks, time.GetUtcNow()));
                break;
            case Format.Csv:
                ReportCsv.Write(blocks, output);
                break;
            case Format.Table when blocks.Count > 0:
                new ReportTable(seen, output).Write(scope, blocks, time.GetUtcNow());
                break;
        }

        return ExitCodes.Done;
    }

    private async Task<int> WhatIfAsync(StoreClient store, ReportKind kind, string name, ReportScope scope, Format format, CancellationToken cancellation)
    {
        var seen = terminal();
        var reports = new SpendReports(store, time);
        var known = await reports.PricedModelsAsync(cancellation);

        // The store has ids alone; other names of a model are this version's, which is why an id is taken first.
        var model = known.Contains(name, StringComparer.Ordinal) ? name : PriceList.Embedded.NameOf(name);
        if (!known.Contains(model, StringComparer.Ordinal))
        {
            await error.WriteLineAsync(known.Count == 0
                ? "The store has no price list yet: a gateway of this version writes its own when it starts."
                : $"The price list in the store does not know {ConfigurationPath.Quote(name)}. Near it: {string.Join(", ", Suggestion.Nearest(name, known, MostNearNames))}.");
            return ExitCodes.Failed;
        }

        IReadOnlyList<WhatIfLine> lines;
        using (new WaitingLine(time, error, seen.IsError))
        {
            lines = await reports.WhatIfAsync(kind.Key, model, scope, cancellation);
        }

        await SayIfNoneAsync(lines.Count, scope);
        var report = new WhatIfReport(kind, model, lines);
        switch (format)
        {
            case Format.Json:
                output.WriteLine(report.ToJson());
                break;
            case Format.Csv:
                report.WriteCsv(output);
                break;
            case Format.Table when lines.Count > 0:
                report.WriteTable(scope, seen, output);
                break;
        }

        return ExitCodes.Done;
    }

    // Not on the output, which a script reads.
    private async Task SayIfNoneAsync(int count, ReportScope scope)
    {
        if (count == 0)
        {
            await error.WriteLineAsync($"No requests in the ledger: {ReportRequest.Describe(scope)}.");
        }
    }

    private static Option<string[]> Filter(string name) => new($"--{name}")
    {
        HelpName = "NAME",
        Description = $"Only this {name}; * stands for anything. May be given several times, for any of them.",
        Arity = ArgumentArity.OneOrMore,
    };
}
