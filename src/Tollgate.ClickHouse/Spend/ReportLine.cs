using Tollgate.Proxy.Facts;

namespace Tollgate.ClickHouse.Spend;

/// <summary>One line of a report.</summary>
/// <param name="Key">The day, week, month, session or name; empty for what has none.</param>
/// <param name="Models">What was used, by model, the dearest first; at least one.</param>
/// <param name="Session">More about it when it is a session, else null.</param>
public sealed record ReportLine(string Key, IReadOnlyList<ModelSpend> Models, SessionFacts? Session = null)
{
    /// <summary>Attempts upstream.</summary>
    public long Requests => Models.Sum(static model => model.Requests);

    /// <summary>Tokens of all models.</summary>
    public TokenUsage Tokens => Models.Aggregate(default(TokenUsage), static (sum, model) => sum + model.Tokens);

    /// <summary>What they cost together.</summary>
    public Nanodollars Cost => Models.Aggregate(Nanodollars.Zero, static (sum, model) => sum + model.Cost);
}

/// <summary>What is known of a session beside its spend.</summary>
/// <param name="Developer">Who worked in it last.</param>
/// <param name="Project">What for.</param>
/// <param name="First">Its first request of the range.</param>
/// <param name="Last">Its last one.</param>
/// <param name="Clients">The programs it was held with, in order of their names.</param>
public sealed record SessionFacts(string Developer, string Project, DateTimeOffset First, DateTimeOffset Last, IReadOnlyList<string> Clients);
