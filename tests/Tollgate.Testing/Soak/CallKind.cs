namespace Tollgate.Testing.Soak;

/// <summary>What a call of a soak asks its upstream for, by a word in its prompt.</summary>
public enum CallKind
{
    /// <summary>A short stream, all at once.</summary>
    Brief,

    /// <summary>A stream in pieces with pauses, so that kills find it open.</summary>
    Slow,

    /// <summary>One JSON document.</summary>
    Whole,

    /// <summary>Error 529.</summary>
    Overloaded,

    /// <summary>A slow stream whose client goes away after its first bytes.</summary>
    Aborted,
}
