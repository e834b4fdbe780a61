using System.Data.Common;
using ClickHouse.Driver.ADO;
using Tollgate.Proxy.Configuration;

namespace Tollgate.ClickHouse;

/// <summary>Turns the storage section of the configuration into the driver's settings.</summary>
public static class StoreConnection
{
    // The driver passes over a key it does not know: "User=x" would quietly connect as "default".
    private static readonly HashSet<string> KnownKeys = new(StringComparer.OrdinalIgnoreCase)
    {
        "Host", "Port", "Protocol", "Database", "Username", "Password", "Path", "Compression", "UseSession", "SessionId", "Timeout",
        "UseCustomDecimals", "UseFormDataParameters", "ReadStringsAsByteArrays", "ReadBufferSize", "Roles", "JsonReadMode", "JsonWriteMode",
        "MapReadMode", "AcceptEncoding",
    };

    /// <summary>Settings for the store that <paramref name="options"/> names.</summary>
    /// <exception cref="ArgumentException">The mode has no store, or the connection string has a key the driver does not know.</exception>
    public static ClickHouseClientSettings Create(StorageOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        return options.Mode switch
        {
            StorageMode.Embedded => Embedded(new Uri(options.Listen)),
            StorageMode.ClickHouse => Server(options.ConnectionString),
            _ => throw new ArgumentException($"Storage mode \"{options.Mode}\" has no store to connect to.", nameof(options)),
        };
    }

    // Loopback: compressing costs more than the bytes do. One statement may take a minute, far beyond any of ours.
    private static ClickHouseClientSettings Embedded(Uri address) => new()
    {
        Protocol = address.Scheme,
        Host = address.Host,
        Port = (ushort)address.Port,
        Username = "default",
        Password = string.Empty,
        Database = string.Empty,
        UseCompression = false,
        Timeout = TimeSpan.FromMinutes(1),
    };

    // Every statement names its database, and a default one that does not exist yet would fail the migration that makes it.
    // A session would make inserts and queries wait for each other.
    private static ClickHouseClientSettings Server(string connectionString)
    {
        CheckKeys(connectionString);
        return new ClickHouseClientSettings(new ClickHouseClientSettings(connectionString)) { Database = string.Empty, UseSession = false };
    }

    private static void CheckKeys(string connectionString)
    {
        var keys = new DbConnectionStringBuilder { ConnectionString = connectionString }.Keys!.Cast<string>();
        var unknown = keys.Where(key => !KnownKeys.Contains(key) && !key.StartsWith("set_", StringComparison.OrdinalIgnoreCase)).ToArray();
        if (unknown.Length > 0)
        {
            throw new ArgumentException(
                $"The connection string has unknown keys: {string.Join(", ", unknown)}. Known: {string.Join(", ", KnownKeys.Order(StringComparer.Ordinal))}, set_NAME; change storage:connectionString.");
        }
    }
}
