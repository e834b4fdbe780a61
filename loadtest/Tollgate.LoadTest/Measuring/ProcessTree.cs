using System.Globalization;

namespace Tollgate.LoadTest.Measuring;

/// <summary>What a process and all below it have used since their start.</summary>
/// <param name="CpuMicroseconds">User and system time.</param>
/// <param name="ContextSwitches">Of the threads that live: those of ended ones are lost.</param>
/// <param name="ResidentBytes">VmRSS of each, added; pages they share count in each.</param>
internal readonly record struct ProcessUse(long CpuMicroseconds, long ContextSwitches, long ResidentBytes)
{
    public static ProcessUse operator +(ProcessUse left, ProcessUse right) =>
        new(left.CpuMicroseconds + right.CpuMicroseconds, left.ContextSwitches + right.ContextSwitches, left.ResidentBytes + right.ResidentBytes);
}

/// <summary>Reads of /proc.</summary>
internal static class ProcessTree
{
    // USER_HZ, which is 100 on every architecture that .NET runs on.
    private const long MicrosecondsPerTick = 10_000;

    /// <summary>A process and all that descend from it, as they are now.</summary>
    public static IReadOnlyList<int> Of(int root)
    {
        var parents = new List<(int Id, int Parent)>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var id) && TryRead($"/proc/{id}/stat", out var stat))
            {
                parents.Add((id, StatLine.Parse(stat).Parent));
            }
        }

        var tree = new List<int> { root };
        for (var i = 0; i < tree.Count; i++)
        {
            tree.AddRange(parents.Where(process => process.Parent == tree[i]).Select(static process => process.Id));
        }

        return tree;
    }

    /// <summary>What these processes have used; one that is gone counts as nothing.</summary>
    public static ProcessUse Use(IEnumerable<int> processes) => processes.Select(Use).Aggregate(default(ProcessUse), static (sum, use) => sum + use);

    /// <summary>Their memory alone, cheaper to ask for.</summary>
    public static long ResidentBytes(IEnumerable<int> processes) =>
        processes.Sum(static id => TryRead($"/proc/{id}/status", out var status) ? StatusFile.Number(status, "VmRSS") * 1024 : 0);

    private static ProcessUse Use(int id)
    {
        if (!TryRead($"/proc/{id}/stat", out var stat) || !TryRead($"/proc/{id}/status", out var status))
        {
            return default;
        }

        long switches = 0;
        foreach (var thread in Threads(id))
        {
            if (TryRead($"{thread}/status", out var text))
            {
                switches += StatusFile.Number(text, "voluntary_ctxt_switches") + StatusFile.Number(text, "nonvoluntary_ctxt_switches");
            }
        }

        return new ProcessUse(StatLine.Parse(stat).CpuTicks * MicrosecondsPerTick, switches, StatusFile.Number(status, "VmRSS") * 1024);
    }

    private static string[] Threads(int id)
    {
        try
        {
            return Directory.GetDirectories($"/proc/{id}/task");
        }
        catch (DirectoryNotFoundException)
        {
            return [];
        }
    }

    private static bool TryRead(string path, out string text)
    {
        try
        {
            text = File.ReadAllText(path);
            return true;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            text = string.Empty;
            return false;
        }
    }
}
