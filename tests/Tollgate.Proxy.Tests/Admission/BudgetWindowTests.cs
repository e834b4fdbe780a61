using System.Globalization;
using CsCheck;
using Tollgate.Proxy.Admission;

namespace Tollgate.Proxy.Tests.Admission;

public class BudgetWindowTests
{
    private static readonly string[] Units = ["minute", "hour", "day", "week", "month", "quarter", "year"];
    private static readonly string[] Lengths = ["1m", "7m", "60m", "61m", "1h", "5h", "24h", "1d", "25h", "7d", "30d", "31d", "32d", "366d"];
    private static readonly TimeZoneInfo[] Zones = [.. TimeZoneInfo.GetSystemTimeZones()];
    private static readonly Gen<long> Instants = Gen.OneOf(
        Gen.Long[0, DateTime.MaxValue.Ticks],
        Gen.Long[Utc("1850-01-01").Ticks, Utc("2100-01-01").Ticks],
        Gen.Long[0, 3 * TimeSpan.TicksPerDay],
        Gen.Long[DateTime.MaxValue.Ticks - (3 * TimeSpan.TicksPerDay), DateTime.MaxValue.Ticks]);

    [Theory]
    [InlineData("day", "Europe/Berlin", "2026-03-28T12:00", "2026-03-27T23:00", "2026-03-28T23:00")]
    [InlineData("day", "Europe/Berlin", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00")] // 23 hours
    [InlineData("day", "Europe/Berlin", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00")] // 25 hours
    [InlineData("hour", "Europe/Berlin", "2026-10-25T00:30", "2026-10-25T00:00", "2026-10-25T01:00")] // 02:30, summer
    [InlineData("hour", "Europe/Berlin", "2026-10-25T01:30", "2026-10-25T01:00", "2026-10-25T02:00")] // 02:30, winter: an hour of its own
    [InlineData("week", "Europe/Berlin", "2026-03-29T21:59", "2026-03-22T23:00", "2026-03-29T22:00")]
    [InlineData("month", "Europe/Berlin", "2026-03-31T21:59", "2026-02-28T23:00", "2026-03-31T22:00")]
    [InlineData("month", "Europe/Berlin", "2026-03-31T22:00", "2026-03-31T22:00", "2026-04-30T22:00")]
    [InlineData("quarter", "Europe/Berlin", "2026-11-25T00:00", "2026-09-30T22:00", "2026-12-31T23:00")]
    [InlineData("year", "Europe/Berlin", "2026-12-31T23:00", "2026-12-31T23:00", "2027-12-31T23:00")]
    [InlineData("day", "UTC", "2028-02-29T23:59", "2028-02-29T00:00", "2028-03-01T00:00")]
    [InlineData("month", "UTC", "2028-02-29T12:00", "2028-02-01T00:00", "2028-03-01T00:00")]
    [InlineData("month", "UTC", "2027-02-28T12:00", "2027-02-01T00:00", "2027-03-01T00:00")]
    [InlineData("month", "UTC", "2100-02-28T12:00", "2100-02-01T00:00", "2100-03-01T00:00")] // no leap year
    [InlineData("year", "UTC", "2028-12-31T23:59", "2028-01-01T00:00", "2029-01-01T00:00")]
    [InlineData("week", "UTC", "2027-01-01T00:00", "2026-12-28T00:00", "2027-01-04T00:00")] // a Friday, in week 53 of 2026
    [InlineData("week", "UTC", "2027-01-03T23:59", "2026-12-28T00:00", "2027-01-04T00:00")] // a Sunday
    [InlineData("week", "UTC", "2027-01-04T00:00", "2027-01-04T00:00", "2027-01-11T00:00")]
    [InlineData("minute", "Asia/Kolkata", "2026-01-01T10:07", "2026-01-01T10:07", "2026-01-01T10:08")]
    [InlineData("hour", "Asia/Kolkata", "2026-01-01T10:07", "2026-01-01T09:30", "2026-01-01T10:30")]
    [InlineData("hour", "Australia/Lord_Howe", "2026-04-04T15:10", "2026-04-04T14:00", "2026-04-04T15:30")] // 01:00 to 02:00, set back to 01:30, to 02:00
    [InlineData("hour", "Australia/Lord_Howe", "2026-10-03T15:40", "2026-10-03T14:30", "2026-10-03T16:00")] // 01:00 to 02:00, set to 02:30, to 03:00
    [InlineData("day", "America/Sao_Paulo", "2018-11-04T03:00", "2018-11-04T03:00", "2018-11-05T02:00")] // begins at 01:00: there is no midnight
    [InlineData("day", "America/Sao_Paulo", "2018-11-04T02:59", "2018-11-03T03:00", "2018-11-04T03:00")]
    [InlineData("day", "Asia/Beirut", "2025-03-30T12:00", "2025-03-29T22:00", "2025-03-30T21:00")] // no midnight either
    [InlineData("day", "America/Havana", "2026-11-01T05:30", "2026-11-01T04:00", "2026-11-02T05:00")] // two midnights: from the first
    [InlineData("day", "America/St_Johns", "2006-10-29T02:45", "2006-10-29T02:30", "2006-10-30T03:30")] // set back at 00:01: the day has begun
    [InlineData("day", "Pacific/Apia", "2011-12-30T10:00", "2011-12-30T10:00", "2011-12-31T10:00")] // after the 29th came the 31st
    public void A_calendar_window_follows_the_clock_on_the_wall(string window, string zone, string instant, string start, string end)
    {
        Parse(window, zone).Find(Utc(instant).Ticks, out var foundStart, out var foundEnd);
        Assert.Equal(Utc(start), new DateTime(foundStart, DateTimeKind.Utc));
        Assert.Equal(Utc(end), new DateTime(foundEnd, DateTimeKind.Utc));
    }

    [Theory]
    [InlineData("1m", "12:33:56", "12:32:00", "12:34:00")]
    [InlineData("5h", "12:33:56", "07:30:00", "12:35:00")]
    [InlineData("5h", "12:35:00", "07:35:00", "12:40:00")]
    [InlineData("61m", "12:33:56", "11:30:00", "12:36:00")]
    [InlineData("61m", "12:36:00", "11:35:00", "12:41:00")]
    public void A_rolling_window_reaches_back_its_whole_length_in_whole_buckets(string window, string time, string start, string end)
    {
        var day = Utc("2026-11-25").Ticks;
        Parse(window, "UTC").Find(day + Time(time), out var foundStart, out var foundEnd);
        Assert.Equal((Time(start), Time(end)), (foundStart - day, foundEnd - day));

        static long Time(string text) => TimeSpan.Parse(text, CultureInfo.InvariantCulture).Ticks;
    }

    [Theory]
    [InlineData("1m", 1)]
    [InlineData("60m", 1)]
    [InlineData("1h", 1)]
    [InlineData("61m", 5)]
    [InlineData("5h", 5)]
    [InlineData("1d", 5)]
    [InlineData("25h", 60)]
    [InlineData("31d", 60)]
    [InlineData("32d", 1440)]
    [InlineData("366d", 1440)]
    [InlineData("month", 0)]
    [InlineData("lifetime", 0)]
    public void Longer_windows_have_coarser_buckets(string window, int minutes) =>
        Assert.Equal(minutes * TimeSpan.TicksPerMinute, Parse(window, "UTC").BucketTicks);

    [Fact]
    public void A_lifetime_has_no_end()
    {
        var window = Parse("lifetime", "UTC");
        window.Find(Utc("2026-11-25").Ticks, out var start, out var end);
        Assert.Equal((0, long.MaxValue, BudgetWindowKind.Lifetime), (start, end, window.Kind));
        Assert.Throws<InvalidOperationException>(() => window.BucketOf(0));
    }

    [Theory]
    [InlineData("fortnight")]
    [InlineData("Month")]
    [InlineData("")]
    [InlineData("h")]
    [InlineData("5")]
    [InlineData("0h")]
    [InlineData("05h")]
    [InlineData("-5h")]
    [InlineData("+5h")]
    [InlineData(" 5h")]
    [InlineData("5h ")]
    [InlineData("1.5h")]
    [InlineData("5s")]
    [InlineData("367d")]
    [InlineData("8785h")]
    [InlineData("527041m")]
    [InlineData("99999999999999999999m")]
    public void A_window_nobody_knows_is_answered_with_those_there_are(string window)
    {
        Assert.False(BudgetWindow.TryParse(window, "UTC", out var parsed, out var problem));
        Assert.Null(parsed);
        Assert.Equal(
            $"is \"{window}\", but must be one of \"minute\", \"hour\", \"day\", \"week\", \"month\", \"quarter\", \"year\" and \"lifetime\", " +
            "or a number and m, h or d, \"1m\" to \"366d\".",
            problem);
    }

    [Theory]
    [InlineData("Mars/Olympus")]
    [InlineData("")]
    [InlineData("Europe")]
    [InlineData("/etc/passwd")]
    public void A_time_zone_nobody_knows_is_named(string zone)
    {
        Assert.False(BudgetWindow.TryParse("day", zone, out _, out var problem));
        Assert.StartsWith($"has the time zone \"{zone}\", which is not known here.", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("5h")]
    [InlineData("lifetime")]
    public void A_time_zone_for_a_window_that_follows_no_calendar_is_a_problem(string window)
    {
        Assert.False(BudgetWindow.TryParse(window, "Europe/Berlin", out _, out var problem));
        Assert.StartsWith($"is \"{window}\" with the time zone \"Europe/Berlin\", which would mean nothing", problem, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("527040m", BudgetWindowKind.Rolling)]
    [InlineData("8784h", BudgetWindowKind.Rolling)]
    [InlineData("366d", BudgetWindowKind.Rolling)]
    [InlineData("week", BudgetWindowKind.Calendar)]
    [InlineData("lifetime", BudgetWindowKind.Lifetime)]
    public void A_window_says_what_was_configured(string text, BudgetWindowKind kind)
    {
        var window = Parse(text, "UTC");
        Assert.Equal((text, "UTC", kind), (window.Text, window.TimeZoneId, window.Kind));
    }

    [Theory]
    [InlineData("Europe/Berlin", 2026)]
    [InlineData("America/Sao_Paulo", 2018)]
    [InlineData("America/Havana", 2020)]
    [InlineData("America/St_Johns", 2006)]
    [InlineData("Asia/Beirut", 2021)]
    [InlineData("Asia/Kathmandu", 1986)]
    [InlineData("Asia/Pyongyang", 2018)]
    [InlineData("Africa/Casablanca", 2026)]
    [InlineData("Africa/Cairo", 2010)]
    [InlineData("America/Caracas", 2007)]
    [InlineData("America/Recife", 2000)]
    [InlineData("Antarctica/Troll", 2026)]
    [InlineData("Australia/Lord_Howe", 1981)]
    [InlineData("Australia/Lord_Howe", 2026)]
    [InlineData("Pacific/Apia", 2011)]
    [InlineData("Pacific/Kiritimati", 1994)]
    public void Windows_begin_where_a_clock_watched_each_minute_of_the_year_says(string zone, int year) =>
        CompareWithWatchedClock(TimeZoneInfo.FindSystemTimeZoneById(zone), year);

    [Fact]
    public void Windows_begin_where_a_clock_watched_each_minute_says_in_any_zone_and_year() =>
        Gen.Select(Gen.Int[0, Zones.Length - 1], Gen.Int[1975, 2037]).Sample((zone, year) => CompareWithWatchedClock(Zones[zone], year), iter: 40);

    [Fact]
    public void Windows_tile_time_in_any_zone() =>
        Gen.Select(Gen.Int[0, Zones.Length - 1], OneOf(Units), Instants).Sample((zone, unit, instant) =>
        {
            var window = Parse(unit, Zones[zone].Id);
            window.Find(instant, out var start, out var end);
            Assert.InRange(instant, start, end - 1);
            AssertFound(window, start, start, end);
            AssertFound(window, end - 1, start, end);
            if (start > 0)
            {
                window.Find(start - 1, out _, out var endBefore);
                Assert.Equal(start, endBefore);
            }

            if (end <= DateTime.MaxValue.Ticks)
            {
                window.Find(end, out var startAfter, out _);
                Assert.Equal(end, startAfter);
            }
            else
            {
                Assert.Equal(DateTime.MaxValue.Ticks + 1, end);
            }
        }, iter: 20_000);

    [Fact]
    public void A_rolling_window_counts_at_least_its_length_and_less_than_a_bucket_more() =>
        Gen.Select(OneOf(Lengths), Instants).Sample((text, instant) =>
        {
            var window = Parse(text, "UTC");
            var unit = text[^1] switch { 'm' => TimeSpan.TicksPerMinute, 'h' => TimeSpan.TicksPerHour, _ => TimeSpan.TicksPerDay };
            var from = instant - (int.Parse(text[..^1], CultureInfo.InvariantCulture) * unit);
            window.Find(instant, out var start, out var end);
            if (from >= 0)
            {
                Assert.InRange(start, from - window.BucketTicks + 1, from);
            }
            else
            {
                Assert.Equal(0, start);
            }

            Assert.Equal(0, (start - DateTime.UnixEpoch.Ticks) % window.BucketTicks);
            Assert.InRange(end, instant + 1, instant + window.BucketTicks);
            AssertFound(window, end - 1, start, end);
            window.Find(end, out var next, out _);
            Assert.True(next > start || from < 0 || end > DateTime.MaxValue.Ticks, $"The window of {text} starts at {start} until {end}, and still then.");
        }, iter: 20_000);

    [Fact]
    public void What_is_outside_the_years_there_are_is_taken_as_their_edge()
    {
        foreach (var window in Units.Select(unit => Parse(unit, "Europe/Berlin")).Concat(Lengths.Select(length => Parse(length, "UTC"))))
        {
            window.Find(0, out var start, out var end);
            AssertFound(window, long.MinValue, start, end);
            window.Find(DateTime.MaxValue.Ticks, out start, out end);
            AssertFound(window, long.MaxValue, start, end);
        }
    }

    // The oracle: a clock on the wall, read each minute. A day begins when its date is later than any shown before; what begins with that day is said
    // by its date. An hour begins when the clock shows a whole one.
    private static void CompareWithWatchedClock(TimeZoneInfo zone, int year)
    {
        var begins = Units.ToDictionary(unit => unit, _ => new List<long>());
        var last = new DateTime(year + 1, 1, 3);
        DateOnly latest = default;
        for (var instant = new DateTime(year - 1, 12, 29, 0, 0, 0, DateTimeKind.Utc); instant < last; instant = instant.AddMinutes(1))
        {
            var shown = TimeZoneInfo.ConvertTimeFromUtc(instant, zone);
            if (shown.Minute == 0)
            {
                begins["hour"].Add(instant.Ticks);
            }

            var date = DateOnly.FromDateTime(shown);
            if (date > latest)
            {
                var before = latest;
                latest = date;
                if (before == default)
                {
                    continue;
                }

                begins["day"].Add(instant.Ticks);
                Add("week", (ISOWeek.GetYear(before), ISOWeek.GetWeekOfYear(before)) != (ISOWeek.GetYear(date), ISOWeek.GetWeekOfYear(date)));
                Add("month", before.Month != date.Month);
                Add("quarter", (before.Month + 2) / 3 != (date.Month + 2) / 3);
                Add("year", before.Year != date.Year);

                void Add(string unit, bool begun)
                {
                    if (begun)
                    {
                        begins[unit].Add(instant.Ticks);
                    }
                }
            }
        }

        foreach (var (unit, watched) in begins.Where(one => one.Key != "minute"))
        {
            var window = Parse(unit, zone.Id);
            for (var i = 0; i + 1 < watched.Count; i++)
            {
                window.Find(watched[i], out var start, out var end);
                Assert.True(
                    (start, end) == (watched[i], watched[i + 1]),
                    $"{unit} in {zone.Id}: watched {new DateTime(watched[i]):u} to {new DateTime(watched[i + 1]):u}, " +
                    $"found {new DateTime(start):u} to {new DateTime(end):u}");
                AssertFound(window, end - 1, start, end);
            }
        }
    }

    private static void AssertFound(BudgetWindow window, long instant, long start, long end)
    {
        window.Find(instant, out var foundStart, out var foundEnd);
        Assert.Equal((start, end), (foundStart, foundEnd));
    }

    private static BudgetWindow Parse(string window, string zone)
    {
        Assert.True(BudgetWindow.TryParse(window, zone, out var parsed, out var problem), problem);
        return parsed;
    }

    private static Gen<string> OneOf(string[] texts) => Gen.Int[0, texts.Length - 1].Select(i => texts[i]);

    private static DateTime Utc(string text) =>
        DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal);
}
