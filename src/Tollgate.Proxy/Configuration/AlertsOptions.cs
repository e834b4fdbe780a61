using System.ComponentModel.DataAnnotations;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Configuration;

/// <summary>Thresholds of the alerts that <c>tollgate alerts render</c> writes for Prometheus.</summary>
public sealed record AlertsOptions
{
    /// <summary>How much may be spent in 24 hours.</summary>
    public DailySpendAlertOptions DailySpend { get; init; } = new();

    /// <summary>US dollars that one session may spend in ten minutes. At least 1, from which on sessions are measured. Default 10.</summary>
    public Nanodollars SessionUsd { get; init; } = Nanodollars.FromDollars(10);

    /// <summary>How much of a budget may be spent.</summary>
    public BudgetAlertOptions Budgets { get; init; } = new();

    /// <summary>How far the prompt cache may move from its mean of a week.</summary>
    public CacheAlertOptions Cache { get; init; } = new();

    /// <summary>How many requests may fail, in 15 minutes.</summary>
    public ErrorAlertOptions Errors { get; init; } = new();

    /// <summary>Percentage of a provider's cost of one hour that may rest on estimated tokens. Default 5.</summary>
    [Range(1, 100)]
    public int EstimatedCostPercent { get; init; } = 5;

    /// <summary>How slow requests may be.</summary>
    public LatencyAlertOptions Latency { get; init; } = new();

    /// <summary>How far the spool may fall behind.</summary>
    public SpoolAlertOptions Spool { get; init; } = new();

    /// <summary>How long a condition must hold before any alert fires, in place of what suits each: nothing where money is spent, one to thirty minutes elsewhere. Default: what suits each.</summary>
    [TimeRange("00:00:00", "1.00:00:00")]
    public TimeSpan? Pending { get; init; }

    /// <summary>Names of alerts to leave out. Default none.</summary>
    [ItemCount(0, 64)]
    public IReadOnlyList<string> Omit { get; init; } = [];
}

/// <summary>How much may be spent in 24 hours.</summary>
public sealed record DailySpendAlertOptions
{
    /// <summary>US dollars by everybody together. Default 1000.</summary>
    public Nanodollars TotalUsd { get; init; } = Nanodollars.FromDollars(1000);

    /// <summary>US dollars at each provider. Default 500.</summary>
    public Nanodollars ProviderUsd { get; init; } = Nanodollars.FromDollars(500);

    /// <summary>US dollars by each team. Default 200.</summary>
    public Nanodollars TeamUsd { get; init; } = Nanodollars.FromDollars(200);

    /// <summary>US dollars by each key. Default 100.</summary>
    public Nanodollars KeyUsd { get; init; } = Nanodollars.FromDollars(100);

    /// <summary>Providers with an amount of their own, by the upstream's name. Default none.</summary>
    public IReadOnlyDictionary<string, OwnSpendAlertOptions> Providers { get; init; } = new Dictionary<string, OwnSpendAlertOptions>(StringComparer.Ordinal);

    /// <summary>Teams with an amount of their own, by the team's name. Default none.</summary>
    public IReadOnlyDictionary<string, OwnSpendAlertOptions> Teams { get; init; } = new Dictionary<string, OwnSpendAlertOptions>(StringComparer.Ordinal);

    /// <summary>Keys with an amount of their own, by the key's id. Default none.</summary>
    public IReadOnlyDictionary<string, OwnSpendAlertOptions> Keys { get; init; } = new Dictionary<string, OwnSpendAlertOptions>(StringComparer.Ordinal);
}

/// <summary>An amount in place of the one for all others.</summary>
public sealed record OwnSpendAlertOptions
{
    /// <summary>US dollars in 24 hours. Required, more than 0.</summary>
    public Nanodollars? Usd { get; init; }
}

/// <summary>How much of a budget may be spent.</summary>
public sealed record BudgetAlertOptions
{
    /// <summary>Percentage of the limit that is told of (severity <c>info</c>). Less than <c>warningPercent</c>. Default 80.</summary>
    [Range(1, 1000)]
    public int InfoPercent { get; init; } = 80;

    /// <summary>Percentage of the limit that is warned of. Less than <c>criticalPercent</c>. Default 95.</summary>
    [Range(1, 1000)]
    public int WarningPercent { get; init; } = 95;

    /// <summary>Percentage of the limit that is critical. Default 100.</summary>
    [Range(1, 1000)]
    public int CriticalPercent { get; init; } = 100;
}

/// <summary>How far the prompt cache may move from its mean of a week.</summary>
public sealed record CacheAlertOptions
{
    /// <summary>Percentage by which a provider's share of input tokens from the cache may drop below the week's mean. Default 30.</summary>
    [Range(1, 99)]
    public int HitDropPercent { get; init; } = 30;

    /// <summary>Percentage points by which the one-hour share of cache writes may move. Default 30.</summary>
    [Range(1, 99)]
    public int WriteShiftPercent { get; init; } = 30;
}

/// <summary>How many requests may fail, in 15 minutes.</summary>
public sealed record ErrorAlertOptions
{
    /// <summary>Percentage of a provider's attempts that may end in an error. Default 5.</summary>
    [Range(1, 99)]
    public int ErrorPercent { get; init; } = 5;

    /// <summary>Percentage of a provider's attempts that it may answer with <c>overloaded_error</c>. Default 2.</summary>
    [Range(1, 99)]
    public int OverloadPercent { get; init; } = 2;

    /// <summary>Percentage of all requests that Tollgate itself may refuse. Default 10.</summary>
    [Range(1, 99)]
    public int RefusalPercent { get; init; } = 10;
}

/// <summary>How slow requests may be: both slower than usual, and slower than a bound.</summary>
public sealed record LatencyAlertOptions
{
    /// <summary>How long the slowest 5 % of streams may wait for their first content. Default 00:00:03.</summary>
    [TimeRange("00:00:00.001", "00:10:00")]
    public TimeSpan FirstToken { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How many times the week's mean that may be. Default 2.</summary>
    [Range(1, 100)]
    public int FirstTokenTimes { get; init; } = 2;

    /// <summary>Microseconds that Tollgate itself may take for the slowest 1 % of attempts, in each phase. Default 1000.</summary>
    [Range(1, 10_000_000)]
    public int OverheadMicroseconds { get; init; } = 1000;

    /// <summary>How many times the week's mean that may be. Default 2.</summary>
    [Range(1, 100)]
    public int OverheadTimes { get; init; } = 2;
}

/// <summary>How far the spool may fall behind.</summary>
public sealed record SpoolAlertOptions
{
    /// <summary>How long a row may wait for the store. Default 00:05:00.</summary>
    [TimeRange("00:00:01", "7.00:00:00")]
    public TimeSpan Oldest { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Percentage of <c>spool.maxBytes</c> that the spool may take. Default 80.</summary>
    [Range(1, 99)]
    public int UsedPercent { get; init; } = 80;
}
