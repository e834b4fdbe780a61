namespace Tollgate.Proxy.Facts;

/// <summary>The language an upstream speaks, which decides how its answers are read.</summary>
public enum Dialect
{
    /// <summary>Anthropic's Messages API.</summary>
    Anthropic = 0,
}
