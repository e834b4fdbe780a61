using System.Diagnostics;

namespace Tollgate.LoadTest;

/// <summary>What runs when no scenario is named: enough to judge every target, in under 15 minutes.</summary>
internal static class LoadSet
{
    // Void windows are run again until then: what is left needs no more than the rest of the quarter of an hour.
    private static readonly TimeSpan Repeating = TimeSpan.FromMinutes(4);

    /// <summary>Each scenario, and who takes part: those that a target names, and what .NET brings beside what is our own.</summary>
    public static IReadOnlyList<(Scenario Scenario, IReadOnlyList<string> Peers)> Entries { get; } =
    [
        (Scenario.Find("small")!.WithEverything(), ["direct", "tollgate", "tollgate-sockets", "tollgate-off", "nginx", "yarp"]),
        (Scenario.Find("mid")!.WithEverything(), ["direct", "tollgate", "tollgate-sockets", "tollgate-off", "nginx", "yarp"]),
        (Scenario.Find("turn")!, ["direct", "tollgate", "nginx"]),
        (Scenario.Find("tls")!, ["direct", "tollgate", "nginx"]),
        (Scenario.Find("everything")!, ["direct", "tollgate", "tollgate-off"]),
        (Scenario.Find("paced")!, ["direct", "tollgate"]),
        (Scenario.Find("streams")!, ["direct", "tollgate"]),
    ];

    /// <summary>When void windows of a set that starts now are no longer run again.</summary>
    public static long RepeatUntil() => Stopwatch.GetTimestamp() + (long)Repeating.TotalNanoseconds;
}
