namespace Tollgate.Hosting;

/// <summary>Finds <c>tollgate-store</c>.</summary>
internal static class StoreExecutable
{
    /// <summary>The file's name.</summary>
    public static readonly string Name = OperatingSystem.IsWindows() ? "tollgate-store.exe" : "tollgate-store";

    /// <summary>The executable beside the gateway's in <paramref name="directory"/>, or in the store's own folder of a build tree.</summary>
    /// <exception cref="StoreUnavailableException">It is in neither.</exception>
    public static string Find(string directory)
    {
        // artifacts/bin/Tollgate/release/ → artifacts/bin/Tollgate.Store/release/
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        string[] places = [full, Path.GetFullPath(Path.Combine(full, "..", "..", "Tollgate.Store", Path.GetFileName(full)))];
        foreach (var place in places)
        {
            var file = Path.Combine(place, Name);
            if (File.Exists(file))
            {
                return file;
            }
        }

        throw new StoreUnavailableException(
            $"The embedded store's executable {Name} is neither in {places[0]} nor in {places[1]}. Put it beside tollgate, or set storage.mode to \"clickhouse\" or \"none\".");
    }
}
