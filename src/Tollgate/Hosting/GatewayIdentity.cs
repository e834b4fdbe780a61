namespace Tollgate.Hosting;

/// <summary>The name under which a gateway writes its rows: made once, kept in its data directory.</summary>
internal static class GatewayIdentity
{
    /// <summary>The file that keeps it.</summary>
    public const string FileName = "gateway-id";

    /// <summary>Reads the name, or makes one.</summary>
    /// <exception cref="IOException">The data directory can't be written.</exception>
    public static string ReadOrCreate(string dataDirectory)
    {
        Directory.CreateDirectory(dataDirectory);
        var path = Path.Combine(dataDirectory, FileName);
        if (File.Exists(path) && File.ReadAllText(path).Trim() is { Length: > 0 } known)
        {
            return known;
        }

        var made = Guid.NewGuid().ToString("N")[..12];
        File.WriteAllText(path, made + "\n");
        return made;
    }

    /// <summary>The number of a run's first row.</summary>
    /// <remarks>
    /// Rows are numbered densely within a run. Runs must not share numbers, because a batch's numbers name it to the store: each run begins at
    /// the milliseconds of its start times 2^20, which leaves a million rows to every millisecond and lasts until the year 2527.
    /// </remarks>
    public static ulong FirstSequence(DateTimeOffset startedAt) => (ulong)startedAt.ToUnixTimeMilliseconds() << 20;
}
