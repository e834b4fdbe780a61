using System.CommandLine;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Schema;
using Tollgate.Configuration;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Cli;

/// <summary><c>tollgate migrate</c>: brings the configured store's schema up to this version, for operators who do so before an upgrade.</summary>
/// <remarks>The gateway does the same at its start. Both may run at once.</remarks>
/// <param name="loader">Reads the configuration.</param>
/// <param name="time">The clock.</param>
/// <param name="output">Where the outcome goes.</param>
/// <param name="error">Where everything else goes.</param>
internal sealed class MigrateCommand(ConfigurationLoader loader, TimeProvider time, TextWriter output, TextWriter error)
{
    /// <summary>The verb, with <c>rebuild</c> below it.</summary>
    /// <param name="config">The option that names the configuration file.</param>
    /// <param name="json">The option that asks for JSON.</param>
    public Command Create(Option<string?> config, Option<bool> json)
    {
        var command = new Command("migrate", "Bring the store's schema up to this version. The gateway does so by itself when it starts.")
        {
            config, json, new RebuildCommand(loader, time, output, error).Create(config, json),
        };
        command.SetAction((parsed, cancellation) => new StoreVerb(loader, error).RunAsync(
            parsed.GetValue(config), "migrate", "start the gateway, it migrates by itself", (store, storage) => RunAsync(store, storage, parsed.GetValue(json), cancellation)));
        return command;
    }

    private async Task<int> RunAsync(StoreClient store, StorageOptions storage, bool json, CancellationToken cancellation)
    {
        try
        {
            Write(await new MigrationRunner(store, storage.Cluster, NullLogger<MigrationRunner>.Instance).MigrateAsync(cancellation), json);
            return ExitCodes.Done;
        }
        catch (MigrationChangedException changed)
        {
            await error.WriteLineAsync(changed.Message);
            return ExitCodes.Failed;
        }
    }

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
