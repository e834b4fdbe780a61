using Tollgate.ClickHouse;
using Tollgate.Configuration;
using Tollgate.Hosting;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Cli;

/// <summary>What the verbs that work on the configured store have in common: finding it, and saying why they can't use it.</summary>
/// <param name="loader">Reads the configuration.</param>
/// <param name="error">Where everything but the outcome goes.</param>
internal sealed class StoreVerb(ConfigurationLoader loader, TextWriter error)
{
    // No such table or database.
    private static readonly int[] MissingSchema = [60, 81];

    /// <summary>Opens the store, runs the verb and closes it.</summary>
    /// <param name="file">The configuration file; null for the usual one.</param>
    /// <param name="purpose">What is to be done with the store: <c>migrate</c>.</param>
    /// <param name="whenAway">What to do when the embedded store is not running: <c>start the gateway, it migrates by itself</c>.</param>
    /// <param name="run">The verb; its exit code.</param>
    public async Task<int> RunAsync(string? file, string purpose, string whenAway, Func<StoreClient, StorageOptions, Task<int>> run)
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
            await error.WriteLineAsync($"storage.mode is \"none\": there is no store to {purpose}. Set it to \"embedded\" or \"clickhouse\".");
            return ExitCodes.WrongUse;
        }

        return await RunAsync(
            storage,
            storage.Mode == StorageMode.Embedded
                ? $"Nobody answers at storage.listen, {storage.Listen}. The embedded store runs only with the gateway: {whenAway}."
                : null,
            "Start the server, or correct storage.connectionString.",
            store => run(store, storage));
    }

    /// <summary>The same for a store that is not the configured one.</summary>
    /// <param name="storage">How to reach it.</param>
    /// <param name="advice">What to say when nobody answers there.</param>
    /// <param name="run">The verb; its exit code.</param>
    public Task<int> RunAsync(StorageOptions storage, string advice, Func<StoreClient, Task<int>> run) => RunAsync(storage, null, advice, run);

    private async Task<int> RunAsync(StorageOptions storage, string? whenUnreachable, string advice, Func<StoreClient, Task<int>> run)
    {
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
            return await run(store);
        }
        catch (StoreException failed)
        {
            await error.WriteLineAsync(
                failed.Fault == StoreFault.Unreachable ? whenUnreachable ?? $"{failed.Message} {advice}"
                : MissingSchema.Contains(failed.Code) ? $"{failed.Message} Run tollgate migrate first."
                : failed.Message);
            return ExitCodes.Failed;
        }
        finally
        {
            store.Dispose();
        }
    }
}
