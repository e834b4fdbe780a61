using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Tollgate.Proxy.Accounting;

namespace Tollgate.ClickHouse.Spend;

/// <summary>The price lists that gateways had, as the store keeps them for what is asked of spend.</summary>
/// <remarks>
/// A list is named by its content: gateways with the same list write it once, and one whose list is the newest there writes nothing. What holds in the
/// store is the list that was written last.
/// </remarks>
public sealed class PriceTable(StoreClient store)
{
    /// <summary>Database and name.</summary>
    public const string Name = "tollgate.prices";

    private static readonly string[] Columns =
    [
        "list", "revision", "as_of", "model", "mode", "over_tokens", "valid_from", "valid_until", "input", "output", "cache_read", "cache_w5m", "cache_w1h",
        "batch", "geo_us", "regional", "web_search", "written_at",
    ];

    private enum Mode : sbyte
    {
        Standard = 1,
        Fast = 2,
        LongPrompt = 3,
    }

    /// <summary>Writes a list, unless it is the one that holds.</summary>
    /// <param name="prices">The list.</param>
    /// <param name="now">When that is.</param>
    /// <param name="cancellationToken">Gives up; whether the list was written is then not known, and writing it again does no harm.</param>
    /// <returns>Whether it had to be written.</returns>
    /// <exception cref="StoreException">The store is away or refused.</exception>
    public async Task<bool> WriteAsync(PriceList prices, DateTimeOffset now, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prices);
        var list = NameOf(prices);
        var newest = await store.QueryAsync($"SELECT argMax(p.list, p.written_at) FROM {Name} AS p", static reader => reader.GetString(0), cancellationToken: cancellationToken);
        if (newest is [var held] && held == list)
        {
            return false;
        }

        // A stream that announces its length; the token makes a second try of the same write one write.
        var moment = now.ToUnixTimeMilliseconds();
        using var rows = Encode(prices, list, moment);
        await store.InsertAsync(Name, Columns, rows, string.Create(CultureInfo.InvariantCulture, $"prices/{list}/{moment}"), cancellationToken);
        return true;
    }

    /// <summary>What a list is called: a hash of all it says.</summary>
    public static string NameOf(PriceList prices)
    {
        using var rows = Encode(prices, string.Empty, 0);
        return Convert.ToHexStringLower(SHA256.HashData(rows)[..8]);
    }

    // RowBinary; what BinaryWriter calls a string is what RowBinary does: its length in seven-bit groups, then UTF-8.
    private static MemoryStream Encode(PriceList prices, string list, long moment)
    {
        var rows = new MemoryStream();
        using var writer = new BinaryWriter(rows, Encoding.UTF8, leaveOpen: true);
        foreach (var price in prices.Prices)
        {
            foreach (var period in price.Standard)
            {
                Write(price, Mode.Standard, 0, period);
            }

            foreach (var period in price.Fast)
            {
                Write(price, Mode.Fast, 0, period);
            }

            foreach (var band in price.LongPrompt)
            {
                Write(price, Mode.LongPrompt, band.Over, band.Period);
            }
        }

        writer.Flush();
        rows.Position = 0;
        return rows;

        void Write(Price price, Mode mode, long over, in RatePeriod period)
        {
            writer.Write(list);
            writer.Write(prices.Revision);
            writer.Write((ushort)(prices.AsOf.DayNumber - new DateOnly(1970, 1, 1).DayNumber));
            writer.Write(price.Model);
            writer.Write((sbyte)mode);
            writer.Write((ulong)over);
            writer.Write(Seconds(period.From));
            writer.Write(Seconds(period.Until));

            // Nano-dollars are what Decimal(18,9) counts in, thousandths what Decimal(9,3) does.
            writer.Write(period.Rates.Input);
            writer.Write(period.Rates.Output);
            writer.Write(period.Rates.CacheRead);
            writer.Write(period.Rates.CacheWrite5m);
            writer.Write(period.Rates.CacheWrite1h);
            writer.Write(price.Batch.Thousandths);
            writer.Write(price.GeoUs.Thousandths);
            writer.Write(price.Regional.Thousandths);
            writer.Write(price.WebSearch is null);
            if (price.WebSearch is { } search)
            {
                writer.Write(search.Value);
            }

            writer.Write(moment);
        }
    }

    // DateTime counts seconds of 1970 in 32 bits: open ends are its own.
    private static uint Seconds(DateTimeOffset time) => (uint)Math.Clamp(time.ToUnixTimeSeconds(), 0, uint.MaxValue);
}
