using Tollgate.ClickHouse;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Hosting;

/// <summary>Makes the client of the configured store.</summary>
internal static class StoreAccess
{
    /// <summary>A client; nothing is connected yet.</summary>
    /// <exception cref="StoreUnavailableException">The connection string can't be read.</exception>
    public static StoreClient Open(StorageOptions storage)
    {
        try
        {
            return new StoreClient(storage);
        }
        catch (Exception wrong) when (wrong is ArgumentException or FormatException or OverflowException)
        {
            // Not the driver's own words alone: they don't say where the connection string is.
            throw new StoreUnavailableException($"storage.connectionString can't be used: {wrong.Message}");
        }
    }
}
