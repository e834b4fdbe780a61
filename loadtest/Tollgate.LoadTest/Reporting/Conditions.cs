using System.Diagnostics;
using System.Globalization;

namespace Tollgate.LoadTest.Reporting;

/// <summary>On what a report was made.</summary>
internal sealed record Conditions
{
    /// <summary>When, UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The commit that was built; with a plus when files differ from it.</summary>
    public required string Commit { get; init; }

    /// <summary>The processor.</summary>
    public required string Processor { get; init; }

    /// <summary>Its cores, shared by generator, upstream and peer.</summary>
    public required int Cores { get; init; }

    /// <summary>Kernel.</summary>
    public required string Kernel { get; init; }

    /// <summary>Runtime.</summary>
    public required string Runtime { get; init; }

    /// <summary>Processes ready to run over the minute before.</summary>
    public required string LoadAverage { get; init; }

    /// <summary>Length of a window.</summary>
    public required TimeSpan Window { get; init; }

    /// <summary>Load before each.</summary>
    public required TimeSpan WarmUp { get; init; }

    /// <summary>Connections of the generator.</summary>
    public required int Connections { get; init; }

    /// <summary>Its loops.</summary>
    public required int Threads { get; init; }

    /// <summary>Of the order of the peers.</summary>
    public required int Seed { get; init; }

    /// <summary>Most CPU that others may use in a window that counts, percent of the machine.</summary>
    public required double OtherCpuBound { get; init; }

    /// <summary>Latest that the generator may be in one, at p99.</summary>
    public required TimeSpan LagBound { get; init; }

    /// <summary>As they are now.</summary>
    public static Conditions Now(LoadTestOptions options) => new()
    {
        At = TimeProvider.System.GetUtcNow(),
        Commit = Git("rev-parse --short HEAD") + (Git("status --porcelain -uno").Length > 0 ? "+" : string.Empty),
        Processor = File.ReadLines("/proc/cpuinfo").FirstOrDefault(static line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(": ")[^1] ?? "unknown",
        Cores = Environment.ProcessorCount,
        Kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
        Runtime = Environment.Version.ToString(),
        LoadAverage = File.ReadAllText("/proc/loadavg").Split(' ')[0],
        Window = options.Window,
        WarmUp = options.WarmUp,
        Connections = options.Connections,
        Threads = options.Threads,
        Seed = options.Seed,
        OtherCpuBound = options.Bounds.OtherCpuPercent,
        LagBound = options.Bounds.Lag,
    };

    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{At:yyyy-MM-dd HH:mm} UTC, commit {Commit}; {Processor}, {Cores} cores shared by generator, upstream and all peers; Linux {Kernel}, .NET {Runtime}; load average before {LoadAverage}. Windows of {Window.TotalSeconds:0.#} s after {WarmUp.TotalSeconds:0.#} s of warm-up, {Connections} connections, order by seed {Seed}. Void: others above {OtherCpuBound:0.#} % of the machine, or generator later than {LagBound.TotalMilliseconds:0.#} ms at p99.");

    private static string Git(string arguments)
    {
        try
        {
            using var git = Process.Start(new ProcessStartInfo("git", arguments) { WorkingDirectory = RepositoryRoot.Path, RedirectStandardOutput = true, RedirectStandardError = true })!;
            return git.StandardOutput.ReadToEnd().Trim();
        }
        catch (System.ComponentModel.Win32Exception)
        {
            // A source archive without git, or no git here.
            return "unknown";
        }
    }
}
