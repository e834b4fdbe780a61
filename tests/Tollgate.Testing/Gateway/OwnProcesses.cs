using System.Globalization;

namespace Tollgate.Testing.Gateway;

/// <summary>What /proc says of processes that a test's gateway started.</summary>
public static class OwnProcesses
{
    /// <summary>The store that <paramref name="gateway"/> started and that runs now; null while there is none.</summary>
    public static int? StoreOf(GatewayProcess gateway) =>
        Directory.EnumerateDirectories("/proc")
            .Select(static directory => int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? id : 0)
            .Where(id => id > 0 && ParentOf(id) == gateway.Id && IsStore(id))
            .Select(static id => (int?)id)
            .FirstOrDefault();

    /// <summary>Whether a store runs under this id. One that has ended but was not reaped has no command line any more.</summary>
    public static bool IsStore(int id) => Read(id, "cmdline").Contains("tollgate-store", StringComparison.Ordinal);

    private static int ParentOf(int id)
    {
        // pid (name) state ppid …, where the name may hold anything.
        var stat = Read(id, "stat");
        var fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 1 ? int.Parse(fields[1], CultureInfo.InvariantCulture) : 0;
    }

    private static string Read(int id, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{id}/{file}");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return string.Empty;
        }
    }
}
