using System.ComponentModel.DataAnnotations;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Configuration;

/// <summary>How fast somebody may ask.</summary>
public sealed record LimitOptions
{
    /// <summary>The limit's name in messages and addresses. Required, unique.</summary>
    [Required]
    [RegularExpression("^[a-z0-9][a-z0-9_.-]{0,63}$", ErrorMessage = "1 to 64 characters of a-z, 0-9, hyphen, underscore and dot, starting with a letter or digit")]
    public string Id { get; init; } = string.Empty;

    /// <summary>Whose requests are counted: <c>everything</c>, <c>customer</c>, <c>team</c>, <c>project</c>, <c>key</c>, <c>developer</c>, <c>model</c> or <c>session</c>. Default <c>everything</c>.</summary>
    public ScopeKind Scope { get; init; }

    /// <summary>Which one: its name or id; <c>*</c> gives each its own. Empty with <c>everything</c> alone.</summary>
    public string Value { get; init; } = string.Empty;

    /// <summary>
    /// What is counted. <c>requests</c>; <c>input</c>: tokens of the prompt that the cache did not serve; <c>output</c>: tokens written; <c>tokens</c>: all
    /// of them; <c>concurrency</c>: requests under way; <c>streams</c>: streamed ones under way. Default <c>requests</c>.
    /// </summary>
    public LimitMetric Metric { get; init; }

    /// <summary>How many per <c>per</c>; with <c>concurrency</c> and <c>streams</c>, at once. Required.</summary>
    [Range(1, 1_000_000_000_000)]
    public long Limit { get; init; } = 1;

    /// <summary>The time that <c>limit</c> is for. Default one minute.</summary>
    [TimeRange("00:00:01", "31.00:00:00")]
    public TimeSpan Per { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How many may come at one moment after a pause. Default 0: as many as <c>limit</c>.</summary>
    [Range(0, 1_000_000_000_000)]
    public long Burst { get; init; }
}

/// <summary>What a rate limit counts.</summary>
public enum LimitMetric
{
    /// <summary>Requests.</summary>
    Requests,

    /// <summary>Tokens of the prompt that the cache did not serve: fresh input and cache writes, as the provider counts them.</summary>
    Input,

    /// <summary>Tokens written by the model.</summary>
    Output,

    /// <summary>Tokens of all classes.</summary>
    Tokens,

    /// <summary>Requests under way.</summary>
    Concurrency,

    /// <summary>Streamed requests under way.</summary>
    Streams,
}
