using Tollgate.Proxy.Configuration;

namespace Tollgate.Hosting;

/// <summary>Where a gateway's spool is.</summary>
internal static class SpoolDirectory
{
    /// <summary>The spool of a gateway with these options.</summary>
    public static string Of(StorageOptions storage) => Path.Combine(Path.GetFullPath(storage.DataDirectory), "spool");
}
