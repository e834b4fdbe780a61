using System.ComponentModel.DataAnnotations;

namespace Tollgate.Proxy.Configuration;

/// <summary>How budgets and limits are told of, and what they may use.</summary>
public sealed record AdmissionOptions
{
    /// <summary>
    /// What an answer says of the tightest budget. <c>remaining</c>: <c>x-tollgate-budget</c> and <c>x-tollgate-budget-remaining</c>. <c>unified</c>: also
    /// <c>anthropic-ratelimit-unified-…</c>, in place of the provider's own, which clients signed in to a gateway show as a warning. <c>none</c>:
    /// nothing. Default <c>remaining</c>.
    /// </summary>
    public BudgetHeaders Headers { get; init; } = BudgetHeaders.Remaining;

    /// <summary>Bytes of request bodies that may be held at one time until a strict budget has seen them whole; a request beyond that gets 503. Default 268435456 (256 MiB).</summary>
    [Range(1_048_576, 17_179_869_184)]
    public long MaxHeldBytes { get; init; } = 256L << 20;

    /// <summary>Whom to ask when a budget names nobody. Default empty.</summary>
    public string Contact { get; init; } = string.Empty;
}

/// <summary>What an answer says of its budget.</summary>
public enum BudgetHeaders
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>What is left, in headers of Tollgate's own.</summary>
    Remaining,

    /// <summary>That, and the state in the provider's headers.</summary>
    Unified,
}
