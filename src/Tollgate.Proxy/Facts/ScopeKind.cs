namespace Tollgate.Proxy.Facts;

/// <summary>What a budget or a rate limit adds up.</summary>
public enum ScopeKind
{
    /// <summary>Every request of this gateway.</summary>
    Everything = 0,

    /// <summary>The organisation billed.</summary>
    Customer = 1,

    /// <summary>The team of the key's holder.</summary>
    Team = 2,

    /// <summary>The project spent on: the key's, or what the client says.</summary>
    Project = 3,

    /// <summary>One virtual key.</summary>
    Key = 4,

    /// <summary>Whoever holds the key; one developer may hold several.</summary>
    Developer = 5,

    /// <summary>The model asked for, as the price list calls it.</summary>
    Model = 6,

    /// <summary>One session of the client, as it says.</summary>
    Session = 7,
}
