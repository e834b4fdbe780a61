using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Admission;

/// <summary>Whose a request is, in the terms that budgets and limits are for; the same names that its row has.</summary>
/// <param name="Customer">The organisation billed.</param>
/// <param name="Team">The holder's team.</param>
/// <param name="Project">The project spent on.</param>
/// <param name="KeyId">The virtual key's id.</param>
/// <param name="Developer">Who holds the key.</param>
/// <param name="Model">The model: asked for at admission, served when it is settled.</param>
/// <param name="Session">The client's session.</param>
public readonly record struct SpendSubject(
    string Customer, string Team, string Project, string KeyId, string Developer, string Model, string Session)
{
    /// <summary>The value that a scope has for it; empty for everything, and for what is not known.</summary>
    internal string ValueOf(ScopeKind scope) => scope switch
    {
        ScopeKind.Customer => Customer,
        ScopeKind.Team => Team,
        ScopeKind.Project => Project,
        ScopeKind.Key => KeyId,
        ScopeKind.Developer => Developer,
        ScopeKind.Model => Model,
        ScopeKind.Session => Session,
        _ => string.Empty,
    };
}

/// <summary>What an attempt came to, or may come to.</summary>
/// <remarks>Units: nano-dollars and tokens. <see cref="Input"/> is what the cache did not serve; <see cref="Tokens"/> is everything.</remarks>
/// <param name="Usd">Cost.</param>
/// <param name="Input">Fresh input and cache writes.</param>
/// <param name="Output">Tokens written.</param>
/// <param name="Tokens">Tokens of all classes.</param>
public readonly record struct SpendAmount(long Usd, long Input, long Output, long Tokens);

/// <summary>What is to be reserved for a request.</summary>
/// <param name="Most">The most it can come to; only right while <see cref="Unbounded"/> is null.</param>
/// <param name="Unbounded">Why nothing bounds it, for its sender to read; null when <see cref="Most"/> does.</param>
/// <param name="Expected">What it is likely to come to.</param>
/// <param name="IsStream">Whether the answer is streamed.</param>
/// <param name="IsUnmetered">Whether no row will tell what it came to: then only budgets that merely watch let it through.</param>
public readonly record struct SpendEstimate(SpendAmount Most, string? Unbounded, SpendAmount Expected, bool IsStream, bool IsUnmetered = false);
