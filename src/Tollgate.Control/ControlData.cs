using Tollgate.Proxy.Configuration;

namespace Tollgate.Control;

/// <summary>Everything in the control store at one moment, declared objects on top, each list in order of the id's bytes.</summary>
/// <remarks>Secrets are in clear here: never to be logged or serialised as a whole.</remarks>
public sealed class ControlData
{
    /// <summary>The store's version at that moment.</summary>
    public required long Revision { get; init; }

    /// <summary>Organisations that are billed.</summary>
    public required IReadOnlyList<CustomerOptions> Customers { get; init; }

    /// <summary>Teams.</summary>
    public required IReadOnlyList<TeamOptions> Teams { get; init; }

    /// <summary>Projects.</summary>
    public required IReadOnlyList<ProjectOptions> Projects { get; init; }

    /// <summary>Virtual keys.</summary>
    public required IReadOnlyList<KeyOptions> Keys { get; init; }

    /// <summary>How much may be spent.</summary>
    public required IReadOnlyList<BudgetOptions> Budgets { get; init; }

    /// <summary>How fast may be asked.</summary>
    public required IReadOnlyList<LimitOptions> Limits { get; init; }

    /// <summary>Providers' keys.</summary>
    public required IReadOnlyList<ProviderKey> ProviderKeys { get; init; }

    /// <summary>Addresses that are told of events.</summary>
    public required IReadOnlyList<Webhook> Webhooks { get; init; }

    /// <summary>Who may log in.</summary>
    public required IReadOnlyList<Person> People { get; init; }

    /// <summary>What programs present at the admin listener.</summary>
    public required IReadOnlyList<AdminToken> AdminTokens { get; init; }

    /// <summary><paramref name="declared"/> with this store's objects in place of its own, which are among them.</summary>
    public TollgateOptions In(TollgateOptions declared) =>
        declared with { Customers = Customers, Teams = Teams, Projects = Projects, Keys = Keys, Budgets = Budgets, Limits = Limits };
}
