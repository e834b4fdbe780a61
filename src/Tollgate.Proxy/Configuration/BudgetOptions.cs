using System.ComponentModel.DataAnnotations;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Configuration;

/// <summary>How much may be spent by whom in which time.</summary>
/// <remarks>What is spent belongs to scope, value, window and time zone: a changed limit or mode never starts the count anew.</remarks>
public sealed record BudgetOptions
{
    /// <summary>The budget's name in messages, metrics and addresses. Required, unique.</summary>
    [Required]
    [RegularExpression("^[a-z0-9][a-z0-9_.-]{0,63}$", ErrorMessage = "1 to 64 characters of a-z, 0-9, hyphen, underscore and dot, starting with a letter or digit")]
    public string Id { get; init; } = string.Empty;

    /// <summary>Whose spend is added up: <c>everything</c>, <c>customer</c>, <c>team</c>, <c>project</c>, <c>key</c>, <c>developer</c>, <c>model</c> or <c>session</c>. Default <c>everything</c>.</summary>
    public ScopeKind Scope { get; init; }

    /// <summary>Which one: its name or id; <c>*</c> gives each its own. Empty with <c>everything</c> alone.</summary>
    public string Value { get; init; } = string.Empty;

    /// <summary>US dollars, at most nine decimals. Either this or <c>limitTokens</c>.</summary>
    public Nanodollars? LimitUsd { get; init; }

    /// <summary>Tokens of all classes together, cache reads included. Either this or <c>limitUsd</c>.</summary>
    [Range(0, 1_000_000_000_000_000)]
    public long? LimitTokens { get; init; }

    /// <summary>
    /// The time it is for. By the calendar: <c>minute</c>, <c>hour</c>, <c>day</c>, <c>week</c> (from Monday), <c>month</c>, <c>quarter</c>, <c>year</c>.
    /// Rolling: a number and <c>m</c>, <c>h</c> or <c>d</c>, such as <c>5h</c>. For ever: <c>lifetime</c>. Default <c>month</c>.
    /// </summary>
    public string Window { get; init; } = "month";

    /// <summary>Where a calendar window's days begin, as an IANA name. Default <c>UTC</c>.</summary>
    public string TimeZone { get; init; } = "UTC";

    /// <summary>
    /// What holds the limit. <c>strict</c>: a request is let in only if the most it can cost fits, so nothing is ever overspent. <c>expected</c>: if
    /// what it is likely to cost fits. <c>watch</c>: nothing is refused. Default <c>expected</c>.
    /// </summary>
    public BudgetMode Mode { get; init; } = BudgetMode.Expected;

    /// <summary>Percentages of the limit at which to warn. Default 50, 80, 95.</summary>
    [ItemCount(0, 16)]
    public IReadOnlyList<int> Thresholds { get; init; } = [50, 80, 95];

    /// <summary>Models still allowed when the budget is spent, exact or with <c>*</c>; their cost goes on being counted. Default none: everything is refused.</summary>
    [ItemCount(0, 64)]
    public IReadOnlyList<string> ModelsWhenSpent { get; init; } = [];

    /// <summary>Whom to ask; ends the sentence that a refused client prints. Default empty.</summary>
    public string Contact { get; init; } = string.Empty;

    /// <summary>Temporary raises of the limit. Default none.</summary>
    [ItemCount(0, 64)]
    public IReadOnlyList<RaiseOptions> Raises { get; init; } = [];
}

/// <summary>How a budget holds.</summary>
public enum BudgetMode
{
    /// <summary>Holds the most that a request can cost: never overspent.</summary>
    Strict,

    /// <summary>Holds what a request is likely to cost: overspent at most by what the requests under way cost beyond that.</summary>
    Expected,

    /// <summary>Refuses nothing; counts and warns.</summary>
    Watch,
}

/// <summary>An addition to a budget's limit for some time.</summary>
public sealed record RaiseOptions
{
    /// <summary>US dollars to add. Default 0.</summary>
    public Nanodollars Usd { get; init; }

    /// <summary>Tokens to add. Default 0.</summary>
    [Range(0, 1_000_000_000_000_000)]
    public long Tokens { get; init; }

    /// <summary>When it ends, with an offset or <c>Z</c>. Required.</summary>
    public DateTimeOffset Until { get; init; }
}
