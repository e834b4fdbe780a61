namespace Tollgate.Demo.Team;

/// <summary>The simulated team: twelve developers in four teams and three parts of the world, who share six projects.</summary>
internal static class DemoTeam
{
    /// <summary>The organisation that is billed.</summary>
    public const string Customer = "acme";

    /// <summary>The session that runs away is this developer's.</summary>
    public const string Runaway = "jonas";

    /// <summary>The project whose weekly budget is spent.</summary>
    public const string SpentProject = "design-system";

    /// <summary>A model that the price list does not know.</summary>
    public const string UnpricedModel = "claude-preview-1120";

    /// <summary>Small work beside a session: titles, summaries.</summary>
    public const string SideModel = "claude-haiku-5-5";

    private const string Opus = "claude-opus-5-5";
    private const string Sonnet = "claude-sonnet-5-5";

    /// <summary>The teams.</summary>
    public static IReadOnlyList<string> Teams { get; } = ["platform", "payments", "mobile", "data"];

    /// <summary>The projects, and the team that owns each.</summary>
    public static IReadOnlyList<(string Project, string Team)> Projects { get; } =
    [
        ("gateway", "platform"), ("design-system", "mobile"), ("checkout", "payments"), ("ledger-api", "payments"), ("mobile-app", "mobile"), ("pipelines", "data"),
    ];

    /// <summary>Everybody who was there at some time of the history.</summary>
    public static IReadOnlyList<Developer> Developers { get; } =
    [
        new("amara", "platform", 1, 3.2, Opus, ["gateway", "ledger-api"]) { CachesForAnHour = true },
        new("bruno", "platform", 1, 2.4, Opus, ["gateway", "pipelines"]),
        new("chen", "platform", -5, 2.0, Sonnet, ["gateway"]),
        new("dalia", "payments", 1, 2.8, Opus, ["checkout", "ledger-api"]),
        new("emeka", "payments", 1, 1.6, Sonnet, ["ledger-api", "checkout"]) { JoinsOnDay = 11 },
        new(Runaway, "payments", -5, 2.6, Opus, ["checkout"]),
        new("kavya", "mobile", 5.5, 3.0, Sonnet, ["mobile-app", "design-system"]) { CachesForAnHour = true },
        new("lucia", "mobile", 1, 1.2, Sonnet, ["design-system"]),
        new("marek", "mobile", 1, 2.2, Opus, ["mobile-app"]) { LeavesOnDay = 19 },
        new("noor", "data", 5.5, 2.5, Opus, ["pipelines"]) { FastShare = 0.25 },
        new("oskar", "data", 1, 1.0, Sonnet, ["pipelines", "gateway"]),
        new("priya", "data", 5.5, 1.8, "claude-opus-5", ["pipelines", "ledger-api"]),
    ];
}
