using Tollgate.Proxy.Configuration;

namespace Tollgate.Proxy.Admission;

/// <summary>Whether a request may go on, and if not, why.</summary>
public enum AdmissionAnswer
{
    /// <summary>It may; everything it needs is reserved.</summary>
    Admitted,

    /// <summary>What is left of a budget is less than it needs.</summary>
    BudgetSpent,

    /// <summary>Nothing bounds what it can cost, and a strict budget is for it.</summary>
    Unbounded,

    /// <summary>A rate limit is reached.</summary>
    LimitReached,

    /// <summary>What was spent before is not known yet, and a strict budget is for it.</summary>
    NotKnown,
}

/// <summary>Whether a request may go on, with the figures of what it met.</summary>
/// <remarks>Units: those of the budget or limit. Nothing is reserved unless <see cref="Answer"/> is <see cref="AdmissionAnswer.Admitted"/>.</remarks>
public readonly record struct AdmissionVerdict
{
    /// <summary>Whether, and why not.</summary>
    public AdmissionAnswer Answer { get; init; }

    /// <summary>The budget it met.</summary>
    public BudgetOptions? Budget { get; init; }

    /// <summary>The limit it met.</summary>
    public LimitOptions? Limit { get; init; }

    /// <summary>The value of the scope that it met it in.</summary>
    public string? Value { get; init; }

    /// <summary>Spent.</summary>
    public long Spent { get; init; }

    /// <summary>Reserved by others.</summary>
    public long Held { get; init; }

    /// <summary>The limit, raises included.</summary>
    public long Most { get; init; }

    /// <summary>What it would have had to reserve.</summary>
    public long Needed { get; init; }

    /// <summary>When the budget's window began, in UTC ticks.</summary>
    public long WindowStart { get; init; }

    /// <summary>When it ends; <see cref="long.MaxValue"/>: never.</summary>
    public long WindowEnd { get; init; }

    /// <summary>When asking again may help, in UTC ticks; null: not by waiting.</summary>
    public long? RetryAt { get; init; }

    /// <summary>How long until a rate limit lets it through.</summary>
    public TimeSpan Wait { get; init; }

    /// <summary>Completes when what was spent before is known.</summary>
    internal Task? WhenKnown { get; init; }
}

/// <summary>A budget has reached one of its thresholds.</summary>
/// <param name="State">The budget then.</param>
/// <param name="Threshold">The percentage reached.</param>
public sealed record BudgetWarning(BudgetState State, int Threshold);
