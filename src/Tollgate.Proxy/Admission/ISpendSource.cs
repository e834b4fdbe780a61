namespace Tollgate.Proxy.Admission;

/// <summary>The ledger, as budgets ask it what was spent before they counted.</summary>
public interface ISpendSource
{
    /// <summary>What each value of a scope spent.</summary>
    /// <param name="query">Which, and when.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    /// <exception cref="Exception">The store did not answer; ask again later.</exception>
    Task<IReadOnlyList<SpendSum>> ReadAsync(SpendQuery query, CancellationToken cancellationToken);
}

/// <summary>What budgets ask the ledger.</summary>
/// <param name="Key">The scope whose values are asked for.</param>
/// <param name="From">Requests that came in from then on.</param>
/// <param name="Bucket">How long the parts are that sums are given for; zero: one sum for each value.</param>
/// <param name="OwnBefore">Of this gateway's rows only those with smaller numbers: it counts the others itself.</param>
public sealed record SpendQuery(SeriesKey Key, DateTimeOffset From, TimeSpan Bucket, ulong OwnBefore);

/// <summary>What one value of a scope spent, in one part of the time asked for.</summary>
/// <param name="Value">The value.</param>
/// <param name="At">A moment in that part, in UTC ticks.</param>
/// <param name="Usd">Nano-dollars.</param>
/// <param name="Tokens">Tokens of all classes.</param>
public readonly record struct SpendSum(string Value, long At, long Usd, long Tokens);
