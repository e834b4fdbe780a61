namespace Tollgate.ClickHouse.Audit;

/// <summary>Row numbers of one gateway, both ends included.</summary>
public readonly record struct SequenceRange(ulong First, ulong Last)
{
    /// <summary>How many numbers.</summary>
    public long Count => (long)(Last - First) + 1;
}
