using System.Globalization;

namespace Tollgate.LoadTest.Measuring;

/// <summary>What the kernel holds for TCP's buffers: no process's memory shows it.</summary>
internal static class SocketMemory
{
    /// <summary>Bytes now, of every socket in this network namespace; null where the kernel does not say.</summary>
    public static long? Bytes() => File.Exists("/proc/net/sockstat") ? Parse(File.ReadAllText("/proc/net/sockstat")) : null;

    /// <summary>Reads /proc/net/sockstat: <c>TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 0</c>, in pages.</summary>
    public static long? Parse(string text)
    {
        var fields = text.Split('\n').FirstOrDefault(static line => line.StartsWith("TCP:", StringComparison.Ordinal))?.Split(' ') ?? [];
        var at = Array.IndexOf(fields, "mem");
        return at >= 0 ? long.Parse(fields[at + 1], CultureInfo.InvariantCulture) * Environment.SystemPageSize : null;
    }
}
