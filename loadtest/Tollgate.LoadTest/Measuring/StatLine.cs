using System.Globalization;

namespace Tollgate.LoadTest.Measuring;

/// <summary>The two figures of /proc/PID/stat that are asked for.</summary>
/// <param name="Parent">Id of the process that started it.</param>
/// <param name="CpuTicks">utime and stime, in ticks.</param>
internal readonly record struct StatLine(int Parent, long CpuTicks)
{
    /// <summary>Reads the line. The name, in parentheses, may hold anything, spaces and parentheses included.</summary>
    public static StatLine Parse(string line)
    {
        // After the name: state ppid pgrp session tty tpgid flags minflt cminflt majflt cmajflt utime stime …
        var fields = line[(line.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return new StatLine(int.Parse(fields[1], CultureInfo.InvariantCulture), Ticks(fields[11]) + Ticks(fields[12]));
    }

    private static long Ticks(string field) => long.Parse(field, CultureInfo.InvariantCulture);
}

/// <summary>Lines of /proc/PID/status.</summary>
internal static class StatusFile
{
    /// <summary>The number of the line that begins with <paramref name="name"/>; 0 without one, as kernel threads have no memory.</summary>
    public static long Number(ReadOnlySpan<char> status, ReadOnlySpan<char> name)
    {
        foreach (var line in status.EnumerateLines())
        {
            if (line.StartsWith(name) && line[name.Length..].StartsWith(":"))
            {
                var value = line[(name.Length + 1)..].Trim();
                var end = value.IndexOf(' ');
                return long.Parse(end < 0 ? value : value[..end], CultureInfo.InvariantCulture);
            }
        }

        return 0;
    }
}
