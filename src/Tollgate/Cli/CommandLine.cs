using System.CommandLine;
using Tollgate.Cli.Report;
using Tollgate.Configuration;

namespace Tollgate.Cli;

/// <summary>The verbs of <c>tollgate</c>.</summary>
/// <param name="loader">Reads the configuration.</param>
/// <param name="time">The clock.</param>
/// <param name="serve">Runs the gateway until it is told to stop; given a valid configuration only.</param>
/// <param name="terminal">What writers lead to; null to look at this process's streams.</param>
internal sealed class CommandLine(
    ConfigurationLoader loader, TimeProvider time, Func<ConfigurationResult, CancellationToken, Task<int>> serve, Func<TextWriter, TextWriter, Terminal>? terminal = null)
{
    /// <summary>Parses and runs one command. Throws nothing that a user can cause.</summary>
    public async Task<int> RunAsync(string[] arguments, TextWriter output, TextWriter error, CancellationToken cancellation)
    {
        var result = Root(output, error).Parse(arguments);
        try
        {
            // 1 is what System.CommandLine gives for a wrong use.
            var code = await result.InvokeAsync(new InvocationConfiguration { Output = output, Error = error, EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null }, cancellation);
            return result.Errors.Count > 0 ? ExitCodes.WrongUse : code;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or Hosting.StoreUnavailableException or Proxy.Accounting.PriceListException or Proxy.Recording.Spool.SpoolFormatException)
        {
            await error.WriteLineAsync(exception.Message);
            return ExitCodes.Failed;
        }
    }

    private RootCommand Root(TextWriter output, TextWriter error)
    {
        var config = new Option<string?>("--config") { Description = $"The configuration file. Default: {ConfigurationLoader.DefaultFile} here, if it exists.", HelpName = "FILE" };
        var json = new Option<bool>("--json") { Description = "Print JSON." };

        var serveVerb = new Command("serve", "Run the gateway. The default verb.") { config };
        var check = new Command("check", "Check the configuration and print everything that is wrong with it. Exits with 0 or 2.") { config, json };
        var admin = new AdminVerb(loader, output, error);
        var keys = new KeysCommand(admin, output, error).Create(json);
        var budgets = new BudgetsCommand(admin, time, output).Create(json);
        var prices = new PricesCommand(loader, time, output, error).Create(config, json);
        var migrate = new MigrateCommand(loader, time, output, error).Create(config, json);
        var verify = new VerifyCommand(loader, time, output, error).Create(config, json);
        var spool = new SpoolCommand(loader, time, output, error).Create(config, json);
        var report = new ReportCommand(loader, time, () => terminal is null ? Terminal.Of(output, error, loader) : terminal(output, error), output, error).Create(config, json);
        var alerts = new AlertsCommand(loader, output, error).Create(config);
        var clientSetup = new ClientSetupCommand(loader, time, output, error).Create();
        var root = new RootCommand("Tollgate: a gateway between Claude Code and its model provider, with an exact ledger of what is spent.") { config, serveVerb, check, keys, budgets, prices, report, migrate, verify, spool, alerts, clientSetup };

        Func<ParseResult, CancellationToken, Task<int>> run = (parsed, cancellation) => ServeAsync(parsed.GetValue(config), error, cancellation);
        root.SetAction(run);
        serveVerb.SetAction(run);
        check.SetAction(parsed => CheckReport.Write(loader.Load(parsed.GetValue(config)), parsed.GetValue(json), output));
        return root;
    }

    private async Task<int> ServeAsync(string? file, TextWriter error, CancellationToken cancellation)
    {
        var configuration = loader.Load(file);
        CheckReport.WriteFindings(configuration, error);
        return configuration.IsValid ? await serve(configuration, cancellation) : ExitCodes.WrongUse;
    }
}
