using System.CommandLine;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Schema;
using Tollgate.Configuration;
using Tollgate.Hosting;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Cli;

/// <summary><c>tollgate migrate</c>: brings the configured store's schema up to this version, for operators who do so before an upgrade.</summary>
/// <remarks>The gateway does the same at its start. Both may run at once.</remarks>
/// <param name="loader">Reads the configuration.</param>
/// <param name="output">Where the outcome goes.</param>
/// <param name="error">Where everything else goes.</param>
internal sealed class MigrateCommand(ConfigurationLoader loader, TextWriter output, TextWriter error)
{
    /// <summary>The verb.</summary>
    /// <param name="config">The option that names the configuration file.</param>
    /// <param name="json">The option that asks for JSON.</param>
    public Command Create(Option<string?> config, Option<bool> json)
    {
        var command = new Command("migrate", "Bring the store's schema up to this version. The gateway does so by itself when it starts.") { config, json };
        command.SetAction((parsed, cancellation) => RunAsync(parsed.GetValue(config), parsed.GetValue(json), cancellation));
        return command;
    }

    private async Task<int> RunAsync(string? file, bool json, CancellationToken cancellation)
    {
        var configuration = loader.Load(file);
        CheckReport.WriteFindings(configuration, error);
        if (!configuration.IsValid)
        {
            return ExitCodes.WrongUse;
        }

        var storage = configuration.Options.Storage;
        if (storage.Mode == StorageMode.None)
        {
            await error.WriteLineAsync("storage.mode is \"none\": there is no store to migrate. Set it to \"embedded\" or \"clickhouse\".");
            return ExitCodes.WrongUse;
        }

        StoreClient store;
        try
        {
            store = StoreAccess.Open(storage);
        }
        catch (StoreUnavailableException wrong)
        {
            await error.WriteLineAsync(wrong.Message);
            return ExitCodes.WrongUse;
        }

        try
        {
            var report = await new MigrationRunner(store, storage.Cluster, NullLogger<MigrationRunner>.Instance).MigrateAsync(cancellation);
            Write(report, json);
            return ExitCodes.Done;
        }
        catch (MigrationChangedException changed)
        {
            await error.WriteLineAsync(changed.Message);
            return ExitCodes.Failed;
        }
        catch (StoreException failed)
        {
            await error.WriteLineAsync(Describe(failed, storage));
            return ExitCodes.Failed;
        }
        finally
        {
            store.Dispose();
        }
    }

    private static string Describe(StoreException failed, StorageOptions storage) => (failed.Fault, storage.Mode) switch
    {
        (StoreFault.Unreachable, StorageMode.Embedded) =>
            $"Nobody answers at storage.listen, {storage.Listen}. The embedded store runs only with the gateway: start the gateway, it migrates by itself.",
        (StoreFault.Unreachable, _) => $"{failed.Message} Start the server, or correct storage.connectionString.",
        _ => failed.Message,
    };

    private void Write(MigrationReport report, bool json)
    {
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(report, CliJson.Options));
            return;
        }

        foreach (var migration in report.Applied)
        {
            output.WriteLine($"Applied {migration}.");
        }

        output.WriteLine($"The schema is at version {report.StoreVersion}{(report.Applied.Count == 0 ? "; there was nothing to do" : "")}.");
        if (report.StoreVersion > report.BinaryVersion)
        {
            output.WriteLine($"This Tollgate knows version {report.BinaryVersion}: a newer one has been here.");
        }
    }
}
