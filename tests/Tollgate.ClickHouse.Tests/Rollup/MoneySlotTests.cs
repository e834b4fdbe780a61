using CsCheck;
using Tollgate.ClickHouse.Rollup;

namespace Tollgate.ClickHouse.Tests.Rollup;

public sealed class MoneySlotTests
{
    private static readonly Gen<DateTimeOffset> Time = Gen.Long[0, 4_000_000_000].Select(static seconds => DateTimeOffset.FromUnixTimeSeconds(seconds));

    [Fact]
    public void A_slot_begins_at_a_quarter_of_an_hour_in_UTC_whatever_the_offset()
    {
        var slot = new DateTimeOffset(2026, 11, 24, 22, 15, 0, TimeSpan.Zero);
        Assert.Equal(slot, MoneySlot.Floor(slot.AddMinutes(14).ToOffset(TimeSpan.FromHours(5.75))));
        Assert.Equal(slot, MoneySlot.Ceiling(slot));
        Assert.Equal(slot + MoneySlot.Length, MoneySlot.Ceiling(slot.AddTicks(1)));
    }

    [Fact]
    public void Days_cover_a_range_without_gap_and_none_crosses_midnight() =>
        Gen.Select(Time, Gen.Int[0, 500_000]).Sample(static (from, seconds) =>
        {
            var range = new SlotRange(from, from.AddSeconds(seconds));
            var next = range.From;
            foreach (var day in range.Days())
            {
                Assert.Equal(next, day.From);
                Assert.True(day.To > day.From && day.To.AddTicks(-1).UtcDateTime.Date == day.From.UtcDateTime.Date);
                next = day.To;
            }

            Assert.Equal(range.To, next);
        });

    [Fact]
    public void Twenty_four_months_back_every_row_is_kept() =>
        Assert.Equal(new DateTimeOffset(2024, 11, 24, 22, 30, 0, TimeSpan.Zero), MoneySlot.OldestComplete(new DateTimeOffset(2026, 11, 24, 22, 17, 0, TimeSpan.Zero)));
}
