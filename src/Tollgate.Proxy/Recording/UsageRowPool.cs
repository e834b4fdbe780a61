namespace Tollgate.Proxy.Recording;

/// <summary>Rows to be used again, so that a request makes none.</summary>
/// <remarks>
/// Bound: <paramref name="capacity"/> rows are kept, rounded up to a power of two; a row returned to a full pool is left to the
/// collector. Lock-free; safe from any thread.
/// </remarks>
/// <param name="capacity">How many rows are kept. A row is about 800 bytes.</param>
public sealed class UsageRowPool(int capacity)
{
    private readonly RowRing _free = new(capacity);

    /// <summary>A row as new; the caller's until it is returned.</summary>
    public UsageRow Rent() => _free.TryTake() ?? new UsageRow();

    /// <summary>Takes a row back and makes it as new; the caller must not touch it again.</summary>
    public void Return(UsageRow row)
    {
        row.Reset();
        _free.TryPut(row);
    }
}
