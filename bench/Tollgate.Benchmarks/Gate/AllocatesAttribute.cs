namespace Tollgate.Benchmarks.Gate;

/// <summary>The most that one operation may allocate. <c>make bench</c> fails when it allocates more.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class AllocatesAttribute(long bytes) : Attribute
{
    /// <summary>Bytes of the managed heap.</summary>
    public long Bytes { get; } = bytes;
}
