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

    // What a gateway with everything on is held against, and what the same gateway costs with everything off.
    private static readonly string[] WithOff = ["direct", "tollgate", "tollgate-off"];

    // 42 events are 6 kB: an answer of a few sentences.
    private const int MidFrames = 42;

    // A stream of 40 events in 4 writes: an upstream's bursts without its pauses. Forty writes each would make the fake the bottleneck.
    private const int TurnFrames = 40;
    private const int TurnWrites = 4;

    // Two seconds of text at an event each 20 ms.
    private const int PacedFrames = 100;
    private static readonly TimeSpan PacedPause = TimeSpan.FromMilliseconds(20);

    /// <summary>Name and setup: what heads a report and names its files.</summary>
    public string Title { get; private init; } = Name;

    /// <summary>Whether streams are opened, held and counted, instead of answered.</summary>
    public bool Holds => Name == "streams";

    /// <summary>Whether both sides speak TLS.</summary>
    public bool IsTls => Name == "tls";

    /// <summary>Whether its one window is there to be long.</summary>
    public bool IsLong => Name == "soak";

    /// <summary>Longest window, seconds.</summary>
    public int MaxSeconds => IsLong ? 86_400 : 120;

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Scenario> All { get; } =
    [
        new("small", "256 B of JSON each way, no stream", 256, false, GatewaySetup.Relay, 5000, 256, Proxies),
        new("mid", "3.7 kB; answer: stream of 42 events, 6 kB, in 4 writes without pauses", 3_700, true, GatewaySetup.Relay, 5000, 256, Proxies),
        new("turn", "90 kB, a turn of Claude Code; answer: stream of 40 events in 4 writes without pauses", 90_000, true, GatewaySetup.Relay, 1000, 256, Proxies),
        new("tls", "turn, with TLS on both sides", 90_000, true, GatewaySetup.Relay, 1000, 256, ["direct", "tollgate", "nginx", "haproxy"]),
        new("large", "800 kB; answer: stream of 40 events in 4 writes", 800_000, true, GatewaySetup.Relay, 100, 64, Proxies),
        new("paced", "90 kB; answer: stream of 100 events, one each 20 ms: rate × 2 streams are open at once", 90_000, true, GatewaySetup.Relay, 250, 2048, Proxies),
        new("everything", "turn, with virtual keys, budgets, limits, the ledger in the embedded store and metrics", 90_000, true, GatewaySetup.Everything, 1000, 256, WithOff),
        new("streams", "90 kB; answer: a stream that stays open, one event each 2 s; the rate is of streams opened, the connections are the streams", 90_000, true, GatewaySetup.Relay, 500, 10_000, ["direct", "tollgate"]),
        new("soak", "everything for long, watching memory", 90_000, true, GatewaySetup.Everything, 200, 128, ["tollgate"]),
    ];

    /// <summary>The one of a name; null without it.</summary>
    public static Scenario? Find(string name) => All.FirstOrDefault(scenario => scenario.Name == name);

    /// <summary>The same load on a gateway that has everything switched on, beside one that has everything off.</summary>
    public Scenario WithEverything() => Setup == GatewaySetup.Everything
        ? this
        : this with { Setup = GatewaySetup.Everything, Title = Name + "-everything", Summary = Summary + "; keys, budgets, limits, ledger and metrics on", Peers = [.. WithOff.Union(Peers)] };

    /// <summary>What the upstream answers.</summary>
    /// <param name="pause">Between the events of a stream that is held.</param>
    /// <param name="heldFrames">Events of a stream that is held; enough to outlast its window.</param>
    public AnswerBytes Answer(TimeSpan pause = default, int heldFrames = 6) => (Name, Streams) switch
    {
        ("streams", _) => AnswerBytes.Stream(heldFrames, heldFrames, pause),
        ("mid", _) => AnswerBytes.Stream(MidFrames, TurnWrites, TimeSpan.Zero),
        ("paced", _) => AnswerBytes.Stream(PacedFrames, PacedFrames, PacedPause),
        (_, true) => AnswerBytes.Stream(TurnFrames, TurnWrites, TimeSpan.Zero),
        _ => AnswerBytes.Json(),
    };
}
