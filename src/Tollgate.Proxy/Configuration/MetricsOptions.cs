using System.ComponentModel.DataAnnotations;

namespace Tollgate.Proxy.Configuration;

/// <summary>Names and labels of the Prometheus metrics.</summary>
public sealed record MetricsOptions
{
    /// <summary>What every metric's name begins with. Default <c>tollgate</c>.</summary>
    [RegularExpression("^[a-zA-Z_][a-zA-Z0-9_]*$", ErrorMessage = "letters, digits and underscores, not starting with a digit")]
    public string Prefix { get; init; } = "tollgate";

    /// <summary>Labels taken from <c>x-tg-dim-NAME</c> headers. Default none, at most 8; a label's value past the 100th distinct one counts as <c>other</c>.</summary>
    [ItemCount(0, 8)]
    public IReadOnlyList<string> Labels { get; init; } = [];
}
