namespace Tollgate.Benchmarks.Gate;

/// <summary>How many times its baseline a benchmark may take, where <see cref="Judge.Tolerance"/> is too narrow for it. Say why beside it.</summary>
[AttributeUsage(AttributeTargets.Method | AttributeTargets.Class)]
public sealed class ToleranceAttribute(double factor) : Attribute
{
    /// <summary>How many times.</summary>
    public double Factor { get; } = factor;
}
