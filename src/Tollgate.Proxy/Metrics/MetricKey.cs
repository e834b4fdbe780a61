using System.Runtime.CompilerServices;

namespace Tollgate.Proxy.Metrics;

/// <summary>Whose counters: one combination of the base labels and the configured ones.</summary>
/// <param name="Provider">The upstream's name.</param>
/// <param name="Model">The model that served.</param>
/// <param name="KeyId">The virtual key's id; empty without one.</param>
/// <param name="KeyName">Its name.</param>
/// <param name="Team">Its team.</param>
/// <param name="Customer">Its customer.</param>
/// <param name="Labels">Values of the configured labels; see <see cref="GatewayMetrics.LabelsOf"/>.</param>
public readonly record struct MetricKey(string Provider, string Model, string KeyId, string KeyName, string Team, string Customer, LabelValues Labels)
{
    /// <summary>Whether both are the same, without a copy of either.</summary>
    internal static bool AreEqual(in MetricKey left, in MetricKey right) =>
        left.KeyId == right.KeyId && left.Model == right.Model && left.Provider == right.Provider && left.KeyName == right.KeyName
        && left.Team == right.Team && left.Customer == right.Customer && left.Labels == right.Labels;

    /// <inheritdoc/>
    /// <remarks>Only of what tells keys apart in practice: who holds a virtual key follows from its id, and this is computed for every request.</remarks>
    public override int GetHashCode() => HashCode.Combine(Model, KeyId, Labels);
}

/// <summary>Values of up to eight configured labels, in the configuration's order, kept inline so that a look-up allocates nothing.</summary>
public struct LabelValues : IEquatable<LabelValues>
{
    /// <summary>Most labels that can be configured.</summary>
    public const int Capacity = 8;

    private Values _values;

    /// <summary>The value at <paramref name="index"/>; empty when it was not set.</summary>
    public string this[int index]
    {
        readonly get => _values[index] ?? string.Empty;
        set => _values[index] = value;
    }

    /// <summary>Whether both have the same values.</summary>
    public static bool operator ==(in LabelValues left, in LabelValues right) => left.Equals(right);

    /// <summary>Whether some value differs.</summary>
    public static bool operator !=(in LabelValues left, in LabelValues right) => !left.Equals(right);

    /// <inheritdoc/>
    public readonly bool Equals(LabelValues other)
    {
        for (var index = 0; index < Capacity; index++)
        {
            // The same object, mostly nothing at all, is the usual case.
            if (!ReferenceEquals(_values[index], other._values[index]) && !string.Equals(this[index], other[index], StringComparison.Ordinal))
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    public override readonly bool Equals(object? obj) => obj is LabelValues other && Equals(other);

    /// <inheritdoc/>
    public override readonly int GetHashCode()
    {
        var hash = default(HashCode);
        for (var index = 0; index < Capacity; index++)
        {
            // Empty and not set are the same value, so neither may count.
            if (this[index] is { Length: > 0 } value)
            {
                hash.Add(value, StringComparer.Ordinal);
            }
        }

        return hash.ToHashCode();
    }

    [InlineArray(Capacity)]
    private struct Values
    {
        private string? _first;
    }
}
