namespace Tollgate.Proxy.Facts;

/// <summary>What one attempt used, in disjoint classes, each with a price of its own.</summary>
/// <remarks>
/// Units: tokens; never negative.
/// Shape: the five classes are disjoint and add up to everything billed by token. <see cref="Thinking"/> is part of
/// <see cref="Output"/>: show it, never add it.
/// Source: Anthropic's Messages API, where <c>input_tokens</c> already excludes cache reads and writes.
/// </remarks>
/// <param name="Input">Fresh input: neither read from nor written to the cache.</param>
/// <param name="CacheRead">Input read from the prompt cache.</param>
/// <param name="CacheWrite5m">Input written to the cache for five minutes, with what no split accounts for.</param>
/// <param name="CacheWrite1h">Input written to the cache for one hour.</param>
/// <param name="Output">Everything the model wrote, thinking included.</param>
/// <param name="Thinking">The part of <paramref name="Output"/> that was thinking.</param>
public readonly record struct TokenUsage(long Input, long CacheRead, long CacheWrite5m, long CacheWrite1h, long Output, long Thinking)
{
    /// <summary>The whole prompt: what decides a price band.</summary>
    public long Prompt => Input + CacheRead + CacheWrite5m + CacheWrite1h;

    /// <summary>Whether nothing at all was used.</summary>
    public bool IsEmpty => Prompt == 0 && Output == 0;

    /// <summary>Both usages together.</summary>
    public static TokenUsage operator +(in TokenUsage left, in TokenUsage right) => new(
        left.Input + right.Input,
        left.CacheRead + right.CacheRead,
        left.CacheWrite5m + right.CacheWrite5m,
        left.CacheWrite1h + right.CacheWrite1h,
        left.Output + right.Output,
        left.Thinking + right.Thinking);
}
