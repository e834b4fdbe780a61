using System.Text;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Hosting;

/// <summary>The name under which a gateway writes its rows: made once, kept in its data directory.</summary>
internal static class GatewayIdentity
{
    /// <summary>The file that keeps it.</summary>
    public const string FileName = "gateway-id";

    /// <summary>Reads the name; null when none was made yet.</summary>
    public static string? TryRead(string dataDirectory)
    {
        var path = Path.Combine(dataDirectory, FileName);
        return File.Exists(path) && File.ReadAllText(path).Trim() is { Length: > 0 } known ? known : null;
    }

    /// <summary>Reads the name, or makes one.</summary>
    /// <exception cref="IOException">The data directory can't be written.</exception>
    public static string ReadOrCreate(string dataDirectory)
    {
        Directory.CreateDirectory(dataDirectory);
        if (TryRead(dataDirectory) is { } known)
        {
            return known;
        }

        var path = Path.Combine(dataDirectory, FileName);
        var made = Guid.NewGuid().ToString("N")[..12];

        // Durably: rows in the spool carry the name, and under another they would be sent twice.
        DurableFile.Write(path, Encoding.UTF8.GetBytes(made + "\n"));
        return made;
    }
}
