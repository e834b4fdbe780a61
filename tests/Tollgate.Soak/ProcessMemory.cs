using System.Globalization;

namespace Tollgate.Soak;

/// <summary>Memory of a process, as the kernel counts it.</summary>
/// <remarks>Units: bytes. Source: /proc/PID/status. Anonymous memory is the process's own; file memory is shared with the page cache.</remarks>
/// <param name="Resident">VmRSS.</param>
/// <param name="Anonymous">RssAnon.</param>
/// <param name="File">RssFile.</param>
internal readonly record struct ProcessMemory(long Resident, long Anonymous, long File)
{
    /// <summary>What a process uses now.</summary>
    public static ProcessMemory Of(int id)
    {
        var lines = System.IO.File.ReadAllLines($"/proc/{id}/status");
        return new ProcessMemory(Bytes("VmRSS:"), Bytes("RssAnon:"), Bytes("RssFile:"));

        long Bytes(string name) =>
            long.Parse(lines.First(line => line.StartsWith(name, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)[^2], CultureInfo.InvariantCulture) * 1024;
    }

    /// <inheritdoc/>
    public override string ToString() => $"RSS {Mebibytes(Resident)} MiB (anonymous {Mebibytes(Anonymous)}, files {Mebibytes(File)})";

    /// <summary>Bytes in the unit of every table here.</summary>
    public static string Mebibytes(long bytes) => (bytes / 1024.0 / 1024.0).ToString("F1", CultureInfo.InvariantCulture);
}
