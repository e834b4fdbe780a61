using System.Data.Common;
using System.Globalization;
using Tollgate.Proxy.Facts;

namespace Tollgate.ClickHouse.Rollup;

/// <summary>A rebuild of this range can't be done; the message says which can.</summary>
public sealed class RebuildRangeException(string message) : Exception(message);

/// <summary>Keeps the money by the quarter of an hour, <c>usage_15m</c>, equal to the ledger.</summary>
/// <remarks>
/// Which slots to compute is asked of the store each time, so nothing is lost with the process: on the first refresh every slot
/// that got rows after it was computed, then every slot that got rows since the refresh before.
/// Several gateways may refresh and rebuild one store at once. Each computation is a function of the rows it sees, and of two the
/// one begun later stays (<c>computed_at</c>). Should that one have seen fewer rows, the rows it missed were committed after it
/// looked; they carry an <c>ingested_at</c> no older than the refresh's start less the time an insert takes, so the next refresh,
/// of whichever gateway, computes the slot again.
/// Slots older than 24 months are left alone: their rows are about to go, and the money stays.
/// Owner: one loop; a refresh must end before the next begins.
/// </remarks>
public sealed class MoneyRollup(StoreClient store, TimeProvider time)
{
    // Longer than an insert may take from its ingested_at (told at its start) to its commit: two minutes by the connection's timeout.
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(5);

    // The first look knows less: the clock may have been set back while nobody was running.
    private static readonly TimeSpan FirstMargin = TimeSpan.FromHours(1);

    private DateTimeOffset? _previousStart;

    /// <summary>Computes every slot that has changed.</summary>
    /// <exception cref="StoreException">The store is away or refused; the next refresh does what this one has not.</exception>
    public async Task<RollupReport> RefreshAsync(CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        var now = await ReadClockAsync(store, cancellationToken);
        var isFirst = _previousStart is null;
        var slots = _previousStart is { } previous

            // A clock set back: rows of meanwhile are dated from where it landed.
            ? await ChangedSlotsAsync(store, (previous < now ? previous : now) - Margin, now, cancellationToken)
            : await StaleSlotsAsync(now, cancellationToken);
        await RecomputeAsync(slots, cancellationToken);

        // Only now: after a failure in the middle the next refresh looks as far back as this one.
        _previousStart = now;
        return new RollupReport(slots.Count, slots.Count == 0 ? null : slots[0], isFirst, time.GetElapsedTime(begun));
    }

    /// <summary>Computes these slots, whether they have changed or not; a day's at a time.</summary>
    /// <param name="slots">Any time within each; 24 months back at most.</param>
    /// <param name="cancellationToken">Gives up between two days, or in the middle of one.</param>
    public async Task RecomputeAsync(IEnumerable<DateTimeOffset> slots, CancellationToken cancellationToken)
    {
        foreach (var (day, ofDay) in MoneySlot.ByDay(slots.Select(MoneySlot.Floor).Distinct()))
        {
            await day.InPiecesAsync(piece => store.ExecuteAsync(RollupStatements.Recompute(onlySlots: true), piece.ToParameters(ofDay), cancellationToken));
        }
    }

    /// <summary>Makes everything that is computed from the ledger anew: <c>usage_15m</c>, <c>usage_1m</c> and the sessions that were active in the range.</summary>
    /// <param name="from">Where to begin; taken down to its slot.</param>
    /// <param name="to">Where to end; taken up to the next slot, and at most a day from now.</param>
    /// <param name="progress">Hears of each day once it is done.</param>
    /// <param name="cancellationToken">Gives up; run it again to finish.</param>
    /// <exception cref="RebuildRangeException">The range is empty, or begins where rows may be gone by age: the message says where it may begin.</exception>
    /// <exception cref="StoreException">The store is away or refused; run it again.</exception>
    public async Task<RebuildReport> RebuildAsync(DateTimeOffset from, DateTimeOffset to, IProgress<RebuiltDay>? progress, CancellationToken cancellationToken)
    {
        var begun = time.GetTimestamp();
        var now = await ReadClockAsync(store, cancellationToken);
        var latest = now.AddDays(1);
        var range = new SlotRange(MoneySlot.Floor(from), MoneySlot.Ceiling(to < latest ? to : latest));
        Check(range, now);

        var views = await ViewRebuild.LoadAsync(store, cancellationToken);
        var days = new List<RebuiltDay>();
        foreach (var day in range.Days())
        {
            await day.InPiecesAsync(piece => store.ExecuteAsync(RollupStatements.Recompute(onlySlots: false), piece.ToParameters(), cancellationToken));
            var (attempts, cost) = (await store.QueryAsync(RollupStatements.Totals, ReadTotals, day.ToParameters(), cancellationToken))[0];
            var (minutesTo, minutesSettled) = await views.RebuildMinutesAsync(day, now, cancellationToken);
            var sessions = await views.RebuildSessionsAsync(day, now, cancellationToken);
            days.Add(new RebuiltDay(day.From, day.To, attempts, cost, minutesTo, sessions.Rebuilt, sessions.Busy, minutesSettled && sessions.IsSettled));
            progress?.Report(days[^1]);
        }

        return new RebuildReport(range.From, range.To, days, time.GetElapsedTime(begun));
    }

    /// <summary>Slots that got rows at or after <paramref name="since"/>, oldest first.</summary>
    internal static Task<List<DateTimeOffset>> ChangedSlotsAsync(StoreClient store, DateTimeOffset since, DateTimeOffset now, CancellationToken cancellationToken) =>
        store.QueryAsync(
            RollupStatements.ChangedSlots,
            ReadSlot,
            new Dictionary<string, object>(StringComparer.Ordinal) { ["since"] = since.ToUnixTimeMilliseconds(), ["oldest"] = Oldest(now) },
            cancellationToken);

    /// <summary>The store's clock.</summary>
    internal static async Task<DateTimeOffset> ReadClockAsync(StoreClient store, CancellationToken cancellationToken) =>
        (await store.QueryAsync(RollupStatements.Clock, static reader => DateTimeOffset.FromUnixTimeMilliseconds(Convert.ToInt64(reader.GetValue(0), CultureInfo.InvariantCulture)), cancellationToken: cancellationToken))[0];

    /// <summary>A slot, from Unix seconds in the first column.</summary>
    internal static DateTimeOffset ReadSlot(DbDataReader reader) => DateTimeOffset.FromUnixTimeSeconds(Convert.ToInt64(reader.GetValue(0), CultureInfo.InvariantCulture));

    /// <summary>Nano-dollars from text; the store sums in 128 bits, so an absurd sum is shown as the largest there is.</summary>
    internal static Nanodollars ParseNanodollars(string text) =>
        new((long)Int128.Clamp(Int128.Parse(text, CultureInfo.InvariantCulture), long.MinValue, long.MaxValue));

    private Task<List<DateTimeOffset>> StaleSlotsAsync(DateTimeOffset now, CancellationToken cancellationToken) =>
        store.QueryAsync(
            RollupStatements.StaleSlots,
            ReadSlot,
            new Dictionary<string, object>(StringComparer.Ordinal) { ["margin"] = (uint)FirstMargin.TotalSeconds, ["oldest"] = Oldest(now) },
            cancellationToken);

    private static (long Attempts, Nanodollars Cost) ReadTotals(DbDataReader reader) =>
        (Convert.ToInt64(reader.GetValue(0), CultureInfo.InvariantCulture), ParseNanodollars(reader.GetString(1)));

    private static uint Oldest(DateTimeOffset now) => (uint)MoneySlot.OldestComplete(now).ToUnixTimeSeconds();

    private static void Check(SlotRange range, DateTimeOffset now)
    {
        if (range.From >= range.To)
        {
            throw new RebuildRangeException($"The range from {Iso(range.From)} to {Iso(range.To)} is empty; end it later than it begins, and begin it before now.");
        }

        if (range.From < MoneySlot.OldestComplete(now))
        {
            throw new RebuildRangeException(
                $"A rebuild from {Iso(range.From)} could lose money: rows are kept 25 months, so a slot before {Iso(MoneySlot.OldestComplete(now))} may have lost some. Begin there or later.");
        }
    }

    private static string Iso(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm'Z'", CultureInfo.InvariantCulture);
}
