using System.Globalization;

namespace Tollgate.LoadTest.Measuring;

/// <summary>Time of all CPUs since the machine's start.</summary>
/// <param name="BusyMicroseconds">
/// In programs and in the kernel for them, and what a hypervisor took away. Interrupts are left out: most of them are loopback's, so ours.
/// </param>
/// <param name="TotalMicroseconds">All of it.</param>
internal readonly record struct MachineCpu(long BusyMicroseconds, long TotalMicroseconds)
{
    // user, nice, system, idle, iowait, irq, softirq, steal.
    private const int System = 2;
    private const int Stolen = 7;

    // Later fields, a guest's time, are part of earlier ones.
    private const int Fields = 8;

    /// <summary>As it is now.</summary>
    public static MachineCpu Now() => Parse(File.ReadLines("/proc/stat").First());

    /// <summary>Reads the first line of /proc/stat.</summary>
    public static MachineCpu Parse(string line)
    {
        var fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1..(Fields + 1)].Select(static field => long.Parse(field, CultureInfo.InvariantCulture) * 10_000).ToArray();
        return new MachineCpu(fields[..(System + 1)].Sum() + fields[Stolen], fields.Sum());
    }
}
