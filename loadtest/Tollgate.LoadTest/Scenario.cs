using Tollgate.LoadTest.Wire;

namespace Tollgate.LoadTest;

/// <summary>How much of itself a gateway under test has switched on.</summary>
internal enum GatewaySetup
{
    /// <summary>Relay, metering and metrics; no keys, no budgets, no ledger.</summary>
    Relay,

    /// <summary>Virtual keys, budgets, limits, the spool, rows in the embedded store, metrics that are scraped.</summary>
    Everything,
}

/// <summary>One kind of load.</summary>
/// <param name="Name">On the command line and in file names.</param>
/// <param name="Summary">What it sends and gets, for help and reports.</param>
/// <param name="BodyBytes">Size of each request's body.</param>
/// <param name="Streams">Whether it asks for server-sent events.</param>
/// <param name="Setup">What the gateway has switched on.</param>
/// <param name="Rate">Requests a second unless told otherwise.</param>
/// <param name="Connections">Connections kept open unless told otherwise.</param>
/// <param name="Peers">Who takes part unless told otherwise.</param>
internal sealed record Scenario(string Name, string Summary, int BodyBytes, bool Streams, GatewaySetup Setup, int Rate, int Connections, IReadOnlyList<string> Peers)
{
    private static readonly string[] Proxies = ["direct", "tollgate", "nginx", "haproxy", "yarp"];

    // A stream of 40 events in 4 writes: an upstream's bursts without its pauses. Forty writes each would make the fake the bottleneck.
    private const int TurnFrames = 40;
    private const int TurnWrites = 4;

    // Two seconds of text at an event each 20 ms.
    private const int PacedFrames = 100;
    private static readonly TimeSpan PacedPause = TimeSpan.FromMilliseconds(20);

    /// <summary>Whether its one window is there to be long.</summary>
    public bool IsLong => Name == "soak";

    /// <summary>Longest window, seconds.</summary>
    public int MaxSeconds => IsLong ? 86_400 : 120;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("small", "256 B of JSON each way, no stream", 256, false, GatewaySetup.Relay, 5000, 256, Proxies),
        new("turn", "90 kB, a turn of Claude Code; answer: stream of 40 events in 4 writes without pauses", 90_000, true, GatewaySetup.Relay, 1000, 256, Proxies),
        new("large", "800 kB; answer: stream of 40 events in 4 writes", 800_000, true, GatewaySetup.Relay, 100, 64, Proxies),
        new("paced", "90 kB; answer: stream of 100 events, one each 20 ms: rate × 2 streams are open at once", 90_000, true, GatewaySetup.Relay, 250, 2048, Proxies),
        new("everything", "turn, with virtual keys, budgets, limits, the ledger in the embedded store and metrics", 90_000, true, GatewaySetup.Everything, 1000, 256, ["direct", "tollgate"]),
        new("soak", "everything for long, watching memory", 90_000, true, GatewaySetup.Everything, 200, 128, ["tollgate"]),
    ];

    /// <summary>The one of a name; null without it.</summary>
    public static Scenario? Find(string name) => All.FirstOrDefault(scenario => scenario.Name == name);

    /// <summary>What the upstream answers.</summary>
    public AnswerBytes Answer() => (Name, Streams) switch
    {
        ("paced", _) => AnswerBytes.Stream(PacedFrames, PacedFrames, PacedPause),
        (_, true) => AnswerBytes.Stream(TurnFrames, TurnWrites, TimeSpan.Zero),
        _ => AnswerBytes.Json(),
    };
}
