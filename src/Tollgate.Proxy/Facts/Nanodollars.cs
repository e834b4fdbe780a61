using System.Globalization;

namespace Tollgate.Proxy.Facts;

/// <summary>An amount of money: a whole number of billionths of a US dollar.</summary>
/// <remarks>
/// Units: nano-dollars. $0.0755925 is 75,592,500.
/// Shape: the same 64-bit integer that <c>Decimal(18,9)</c> is on ClickHouse's wire, so a row carries it unchanged.
/// Errors: arithmetic is checked; a sum past ±$9,223,372,036 throws <see cref="OverflowException"/> instead of wrapping.
/// </remarks>
public readonly record struct Nanodollars(long Value) : IComparable<Nanodollars>
{
    /// <summary>Nano-dollars in one dollar.</summary>
    public const long PerDollar = 1_000_000_000;

    /// <summary>No money.</summary>
    public static Nanodollars Zero => default;

    /// <summary>The sum of two amounts.</summary>
    public static Nanodollars operator +(Nanodollars left, Nanodollars right) => new(checked(left.Value + right.Value));

    /// <summary>The difference of two amounts.</summary>
    public static Nanodollars operator -(Nanodollars left, Nanodollars right) => new(checked(left.Value - right.Value));

    /// <summary>Whether <paramref name="left"/> is the smaller amount.</summary>
    public static bool operator <(Nanodollars left, Nanodollars right) => left.Value < right.Value;

    /// <summary>Whether <paramref name="left"/> is the larger amount.</summary>
    public static bool operator >(Nanodollars left, Nanodollars right) => left.Value > right.Value;

    /// <summary>Whether <paramref name="left"/> is at most <paramref name="right"/>.</summary>
    public static bool operator <=(Nanodollars left, Nanodollars right) => left.Value <= right.Value;

    /// <summary>Whether <paramref name="left"/> is at least <paramref name="right"/>.</summary>
    public static bool operator >=(Nanodollars left, Nanodollars right) => left.Value >= right.Value;

    /// <summary>The amount that a decimal number of dollars stands for.</summary>
    /// <exception cref="OverflowException">The amount does not fit, or has a part smaller than a nano-dollar.</exception>
    public static Nanodollars FromDollars(decimal dollars)
    {
        var nano = dollars * PerDollar;
        if (nano != decimal.Truncate(nano))
        {
            throw new OverflowException($"{dollars} USD is not a whole number of nano-dollars; at most nine decimals can be kept.");
        }

        return new Nanodollars((long)nano);
    }

    /// <summary>The amount in dollars, exactly.</summary>
    public decimal ToDollars() => (decimal)Value / PerDollar;

    /// <inheritdoc/>
    public int CompareTo(Nanodollars other) => Value.CompareTo(other.Value);

    /// <summary>The amount as people read it: <c>$0.0755925</c>, without trailing zeros beyond the cents.</summary>
    public override string ToString() => ToDollars().ToString("$0.00#######;-$0.00#######", CultureInfo.InvariantCulture);
}
