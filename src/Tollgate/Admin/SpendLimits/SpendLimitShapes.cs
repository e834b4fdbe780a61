using System.ComponentModel.DataAnnotations;
using System.Text.Json.Serialization;
using Tollgate.Configuration;

namespace Tollgate.Admin.SpendLimits;

/// <summary>What is posted: a cap as Anthropic's gateway takes it.</summary>
internal sealed record SpendLimitBody
{
    /// <summary>Whom it is for.</summary>
    public SpendLimitScopeBody Scope { get; init; } = new();

    /// <summary>Whole US cents as a text; null for unlimited, <c>"0"</c> to block.</summary>
    [MustBeGiven]
    [RegularExpression("^[0-9]{1,11}$", ErrorMessage = "whole cents as a text, such as \"50000\" for $500.00, or null for no limit")]
    public string? Amount { get; init; }

    /// <summary><c>daily</c>, <c>weekly</c> (from Monday) or <c>monthly</c>, in UTC.</summary>
    [Required]
    [AllowedValues("daily", "weekly", "monthly")]
    public string Period { get; init; } = string.Empty;
}

/// <summary>Whom a cap is for.</summary>
internal sealed record SpendLimitScopeBody
{
    /// <summary><c>organization</c>, <c>user</c> or <c>rbac_group</c>.</summary>
    [Required]
    [AllowedValues("organization", "user", "rbac_group")]
    public string Type { get; init; } = string.Empty;

    /// <summary>With <c>user</c>: the developer; <c>*</c> for each their own.</summary>
    [JsonPropertyName("user_id")]
    public string UserId { get; init; } = string.Empty;

    /// <summary>With <c>rbac_group</c>: the team.</summary>
    [JsonPropertyName("rbac_group_id")]
    public string RbacGroupId { get; init; } = string.Empty;
}

/// <summary>Whom a cap is for.</summary>
internal sealed record SpendLimitScope(string Type)
{
    /// <summary>With <c>user</c>: the developer.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? UserId { get; init; }

    /// <summary>With <c>rbac_group</c>: the team.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? RbacGroupId { get; init; }
}

/// <summary>A cap.</summary>
internal sealed record SpendLimitView(
    string Id, string Type, SpendLimitScope Scope, string? Amount, string Currency, string Period, bool IsEnabled, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt);

/// <summary>One page of caps.</summary>
internal sealed record SpendLimitList(IReadOnlyList<SpendLimitView> Data, bool HasMore, string? FirstId, string? LastId);

/// <summary>A cap that is gone.</summary>
internal sealed record SpendLimitDeleted(string Id, string Type);

/// <summary>A developer.</summary>
internal sealed record SpendLimitActor(string Type, string UserId, string? Name, string? EmailAddress, bool Deleted);

/// <summary>What bounds one developer in one period, and what they spent in it.</summary>
internal sealed record SpendSummary(
    SpendLimitActor Actor,
    string? Amount,
    string Currency,
    string Period,
    string PeriodToDateSpend,
    SpendLimitScope Scope,
    SpendLimitScope Source,
    string SpendLimitId,
    IReadOnlyList<string> Groups);

/// <summary>One page of what bounds whom.</summary>
internal sealed record SpendSummaryList(IReadOnlyList<SpendSummary> Data, bool HasMore, string? NextPage);

/// <summary>Who changed which cap.</summary>
internal sealed record SpendLimitAuditView(string Id, string Type, DateTimeOffset CreatedAt, string Actor, string Action, string SpendLimitId);

/// <summary>One page of who changed what.</summary>
internal sealed record SpendLimitAuditList(IReadOnlyList<SpendLimitAuditView> Data, bool HasMore, string? NextPage);
