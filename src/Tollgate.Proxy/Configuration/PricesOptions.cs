namespace Tollgate.Proxy.Configuration;

/// <summary>What happens to a model that the price list does not know.</summary>
public enum UnknownModelPolicy
{
    /// <summary>Its tokens are recorded, its cost is not guessed, its rows say so.</summary>
    Flag,
}

/// <summary>The price list.</summary>
public sealed record PricesOptions
{
    /// <summary>A file of prices that replaces the embedded list model by model. Default none.</summary>
    public string File { get; init; } = string.Empty;

    /// <summary>What happens to a model without a price. Default <c>flag</c>.</summary>
    public UnknownModelPolicy UnknownModel { get; init; }
}
