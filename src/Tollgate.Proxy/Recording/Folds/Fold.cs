using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Recording.Folds;

/// <summary>The sum of attempts whose rows had no room: a row of <c>tollgate.usage_folded</c>.</summary>
/// <param name="Id">Its identity: sent twice, it counts once.</param>
/// <param name="Key">What its attempts have in common.</param>
/// <param name="Sums">What they came to.</param>
public sealed record Fold(Guid Id, FoldKey Key, FoldSums Sums);

/// <summary>What the attempts of a fold have in common: the key of <c>usage_15m</c>.</summary>
/// <param name="Slot">The quarter of an hour they came in, UTC.</param>
/// <param name="Customer">Customer of the virtual key.</param>
/// <param name="Team">Team of the virtual key.</param>
/// <param name="Project">Project.</param>
/// <param name="Developer">Developer of the virtual key.</param>
/// <param name="KeyId">The virtual key.</param>
/// <param name="Provider">The upstream's name.</param>
/// <param name="Model">The model that served.</param>
public readonly record struct FoldKey(
    DateTimeOffset Slot, string Customer, string Team, string Project, string Developer, string KeyId, string Provider, string Model)
{
    /// <summary>What every part of the key is called when there was no room to tell.</summary>
    public const string Unknown = "(folded)";

    // As the ledger keeps a row's time: its column ends there.
    private static readonly DateTimeOffset Last = new(2100, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan SlotLength = TimeSpan.FromMinutes(15);

    /// <summary>The key of a row.</summary>
    public static FoldKey Of(UsageRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        return new FoldKey(SlotOf(row.Timestamp), row.Customer, row.Team, row.Project, row.Developer, row.KeyId, row.Provider, row.Model);
    }

    /// <summary>The key of everything that has no fold of its own in a slot.</summary>
    public static FoldKey CatchAll(DateTimeOffset slot) => new(slot, Unknown, Unknown, Unknown, Unknown, Unknown, Unknown, Unknown);

    private static DateTimeOffset SlotOf(DateTimeOffset time)
    {
        var ticks = Math.Clamp(time.UtcTicks, DateTimeOffset.UnixEpoch.UtcTicks, Last.UtcTicks);
        return new DateTimeOffset(ticks - (ticks % SlotLength.Ticks), TimeSpan.Zero);
    }
}

/// <summary>What attempts came to, as the rollup would have added up their rows.</summary>
/// <remarks>Units: attempts, tokens, nano-dollars. Shape: fifteen 64-bit integers in the order of the columns of <c>usage_folded</c>.</remarks>
/// <param name="Requests">Attempts.</param>
/// <param name="Errors">Those with a status from 400 on, or an error type.</param>
/// <param name="InputTokens">Fresh input.</param>
/// <param name="OutputTokens">Output.</param>
/// <param name="CacheReadTokens">Read from the cache.</param>
/// <param name="CacheWrite5mTokens">Written to the cache for five minutes.</param>
/// <param name="CacheWrite1hTokens">Written to the cache for an hour.</param>
/// <param name="CostInput">Cost of fresh input.</param>
/// <param name="CostOutput">Cost of output.</param>
/// <param name="CostCacheRead">Cost of cache reads.</param>
/// <param name="CostCacheWrite">Cost of cache writes.</param>
/// <param name="CostOther">Cost of what is not billed by token.</param>
/// <param name="Cost">All costs together.</param>
/// <param name="CostUncached">What it would have cost without a cache.</param>
/// <param name="EstimatedCost">The part of <paramref name="Cost"/> whose tokens are not the provider's final word.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct FoldSums(
    long Requests,
    long Errors,
    long InputTokens,
    long OutputTokens,
    long CacheReadTokens,
    long CacheWrite5mTokens,
    long CacheWrite1hTokens,
    long CostInput,
    long CostOutput,
    long CostCacheRead,
    long CostCacheWrite,
    long CostOther,
    long Cost,
    long CostUncached,
    long EstimatedCost)
{
    /// <summary>How many numbers they are.</summary>
    public const int Count = 15;

    /// <summary>The most that a sum of money can be, either way: Decimal(18,9) holds 18 digits.</summary>
    public const long MostNanodollars = 999_999_999_999_999_999;

    private const int FirstMoney = 7;

    /// <summary>What one row adds, with the nearest value that its column holds, as it would have been written.</summary>
    public static FoldSums Of(UsageRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        var (tokens, cost) = (row.Tokens, row.Cost);
        var total = Money((Int128)cost.Input.Value + cost.Output.Value + cost.CacheRead.Value + cost.CacheWrite.Value + cost.Other.Value);
        return new FoldSums(
            1,
            row.HttpStatus >= 400 || row.ErrorType.Length > 0 ? 1 : 0,
            Tokens(tokens.Input),
            Tokens(tokens.Output),
            Tokens(tokens.CacheRead),
            Tokens(tokens.CacheWrite5m),
            Tokens(tokens.CacheWrite1h),
            Money(cost.Input.Value),
            Money(cost.Output.Value),
            Money(cost.CacheRead.Value),
            Money(cost.CacheWrite.Value),
            Money(cost.Other.Value),
            total,
            Money(cost.Uncached.Value),
            row.UsageSource == UsageSource.Final ? 0 : total);
    }

    /// <summary>Both together; false when a sum would not fit its column.</summary>
    public static bool TryAdd(in FoldSums left, in FoldSums right, out FoldSums sum)
    {
        sum = default;
        var a = Values(in left);
        var b = Values(in right);
        var sums = Writable(ref sum);
        for (var i = 0; i < Count; i++)
        {
            var exact = (Int128)a[i] + b[i];
            if (exact != Fit(exact, i))
            {
                return false;
            }

            sums[i] = (long)exact;
        }

        return true;
    }

    /// <summary>Both together, each sum the nearest value that its column holds.</summary>
    public static FoldSums AddSaturating(in FoldSums left, in FoldSums right)
    {
        var sum = default(FoldSums);
        var a = Values(in left);
        var b = Values(in right);
        var sums = Writable(ref sum);
        for (var i = 0; i < Count; i++)
        {
            sums[i] = Fit((Int128)a[i] + b[i], i);
        }

        return sum;
    }

    /// <summary>Writes them, little-endian.</summary>
    internal void Write(Span<byte> bytes)
    {
        var values = Values(in this);
        for (var i = 0; i < Count; i++)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes[(i * sizeof(long))..], values[i]);
        }
    }

    /// <summary>Reads them.</summary>
    internal static FoldSums Read(ReadOnlySpan<byte> bytes)
    {
        var sums = default(FoldSums);
        var values = Writable(ref sums);
        for (var i = 0; i < Count; i++)
        {
            values[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes[(i * sizeof(long))..]);
        }

        return sums;
    }

    /// <summary>The numbers in their order.</summary>
    internal static ReadOnlySpan<long> Values(in FoldSums sums) => MemoryMarshal.Cast<FoldSums, long>(new ReadOnlySpan<FoldSums>(in sums));

    private static Span<long> Writable(ref FoldSums sums) => MemoryMarshal.Cast<FoldSums, long>(new Span<FoldSums>(ref sums));

    private static long Tokens(long tokens) => Math.Clamp(tokens, 0, uint.MaxValue);

    private static long Money(Int128 nanodollars) => Fit(nanodollars, FirstMoney);

    private static long Fit(Int128 value, int index) =>
        (long)(index < FirstMoney ? Int128.Clamp(value, 0, long.MaxValue) : Int128.Clamp(value, -MostNanodollars, MostNanodollars));
}
