using System.Globalization;

namespace Tollgate.LoadTest.Measuring;

/// <summary>Time of all CPUs since the machine's start.</summary>
/// <param name="BusyMicroseconds">Neither idle nor waiting for a disk. Time that a hypervisor took away counts as busy: it was not ours.</param>
/// <param name="TotalMicroseconds">All of it.</param>
internal readonly record struct MachineCpu(long BusyMicroseconds, long TotalMicroseconds)
{
    private const int Idle = 3;
    private const int WaitingForDisk = 4;

    // Later fields, a guest's time, are part of earlier ones.
    private const int Fields = 8;

    /// <summary>As it is now.</summary>
    public static MachineCpu Now() => Parse(File.ReadLines("/proc/stat").First());

    /// <summary>Reads the first line of /proc/stat.</summary>
    public static MachineCpu Parse(string line)
    {
        var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..(Fields + 1)].Select(static field => long.Parse(field, CultureInfo.InvariantCulture) * 10_000).ToArray();
        var total = fields.Sum();
        return new MachineCpu(total - fields[Idle] - fields[WaitingForDisk], total);
    }
}
