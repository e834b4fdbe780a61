namespace Tollgate.Benchmarks.Gate;

/// <summary>How many bytes one operation reads, so that the report can say how fast.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ReadsAttribute(long bytes) : Attribute
{
    /// <summary>Bytes of input.</summary>
    public long Bytes { get; } = bytes;
}
