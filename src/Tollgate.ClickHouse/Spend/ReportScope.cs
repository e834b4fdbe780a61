namespace Tollgate.ClickHouse.Spend;

/// <summary>Which part of the ledger a report adds up.</summary>
/// <remarks>A filter is a list of names of which one must be met; <c>*</c> in a name stands for anything. An empty list lets all pass.</remarks>
public sealed record ReportScope
{
    /// <summary>The first day, included; null for the oldest that is kept.</summary>
    public DateOnly? Since { get; init; }

    /// <summary>The last day, included; null for the newest.</summary>
    public DateOnly? Until { get; init; }

    /// <summary>The zone that days are told in: an IANA name.</summary>
    public string TimeZone { get; init; } = "UTC";

    /// <summary>The first day of a week.</summary>
    public DayOfWeek WeekStart { get; init; } = DayOfWeek.Monday;

    /// <summary>Only these developers.</summary>
    public IReadOnlyList<string> Developers { get; init; } = [];

    /// <summary>Only these teams.</summary>
    public IReadOnlyList<string> Teams { get; init; } = [];

    /// <summary>Only these projects.</summary>
    public IReadOnlyList<string> Projects { get; init; } = [];

    /// <summary>Only these models.</summary>
    public IReadOnlyList<string> Models { get; init; } = [];
}
