namespace Tollgate.Proxy.Configuration;

/// <summary>The whole of <c>tollgate.json</c>.</summary>
/// <remarks>Keys are these names in camelCase. An unknown key, a wrong type or an impossible pair stops the start.</remarks>
public sealed record TollgateOptions
{
    /// <summary>Where clients connect, and the limits of the data path.</summary>
    public ProxyOptions Proxy { get; init; } = new();

    /// <summary>Where operators connect: metrics, health, the REST API.</summary>
    public AdminOptions Admin { get; init; } = new();

    /// <summary>Providers by name; the name is the first segment of the path that leads to it. Default: <c>anthropic</c> alone, at https://api.anthropic.com.</summary>
    public IReadOnlyDictionary<string, UpstreamOptions> Upstreams { get; init; } =
        new Dictionary<string, UpstreamOptions>(StringComparer.Ordinal) { ["anthropic"] = new() { BaseUrl = "https://api.anthropic.com" } };

    /// <summary>Whether a request needs a valid virtual key; without one it gets 401. Default false.</summary>
    public bool RequireKey { get; init; }

    /// <summary>Virtual keys, each by its hash. Default none.</summary>
    public IReadOnlyList<KeyOptions> Keys { get; init; } = [];

    /// <summary>Organisations that are billed. Default none; a key may name one that is not listed.</summary>
    public IReadOnlyList<CustomerOptions> Customers { get; init; } = [];

    /// <summary>Teams. Default none; a key may name one that is not listed.</summary>
    public IReadOnlyList<TeamOptions> Teams { get; init; } = [];

    /// <summary>Projects. Default none; a key or a client may name one that is not listed.</summary>
    public IReadOnlyList<ProjectOptions> Projects { get; init; } = [];

    /// <summary>How much may be spent. Default none.</summary>
    public IReadOnlyList<BudgetOptions> Budgets { get; init; } = [];

    /// <summary>How fast may be asked. Default none.</summary>
    public IReadOnlyList<LimitOptions> Limits { get; init; } = [];

    /// <summary>How budgets and limits are told of.</summary>
    public AdmissionOptions Admission { get; init; } = new();

    /// <summary>What webhooks may reach; the webhooks themselves are edited by the admin API.</summary>
    [NeedsRestart]
    public WebhooksOptions Webhooks { get; init; } = new();

    /// <summary>Where the ledger is kept.</summary>
    [NeedsRestart]
    public StorageOptions Storage { get; init; } = new();

    /// <summary>Where that is kept which is edited while the gateway runs.</summary>
    [NeedsRestart]
    public ControlOptions Control { get; init; } = new();

    /// <summary>The queue on disk between requests and the store.</summary>
    [NeedsRestart]
    public SpoolOptions Spool { get; init; } = new();

    /// <summary>How rows are gathered into inserts.</summary>
    [NeedsRestart]
    public RecordingOptions Recording { get; init; } = new();

    /// <summary>Names and labels of the metrics.</summary>
    [NeedsRestart]
    public MetricsOptions Metrics { get; init; } = new();

    /// <summary>The price list.</summary>
    public PricesOptions Prices { get; init; } = new();

    /// <summary>Thresholds of the alerts that <c>tollgate alerts render</c> writes for Prometheus; the gateway itself does not use them.</summary>
    public AlertsOptions Alerts { get; init; } = new();
}
