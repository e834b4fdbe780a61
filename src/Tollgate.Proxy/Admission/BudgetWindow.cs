using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Tollgate.Proxy.Admission;

/// <summary>The time a budget is for: when what is spent starts anew, or how long spend counts.</summary>
/// <remarks>
/// Units: instants are UTC ticks of 100 ns as <see cref="DateTime.Ticks"/> counts them; one outside the years 1 to 9999 is taken as the nearest inside.
/// Shape: calendar windows tile time: every instant is in exactly one, also where clocks are set. A day, week, month, quarter or year begins when the
/// zone's clock first shows its midnight or, where that is skipped, a later time; turned back over midnight, the clock begins no day again. An hour
/// begins whenever the clock shows a whole hour: sixty minutes, and up to two hours where clocks are set by a part of one. Rolling windows overlap:
/// each reaches back from its instant in whole buckets.
/// Immutable, for any number of threads. <see cref="Find"/> costs a few look-ups of the zone's offset: ask when a window ends, not for each request.
/// </remarks>
public sealed class BudgetWindow
{
    private const string Utc = "UTC";
    private const long LastTicks = 3_155_378_975_999_999_999;
    private const long EndOfTicks = LastTicks + 1;

    // No zone is further from UTC: TimeZoneInfo ends at 14 hours. The two days of a search meet one change of offset at most: the closest two in one
    // zone are 96 hours apart (Africa/Freetown, 1939; every half hour from 1800 to 2040 in all 419 zones of tzdata looked at).
    private const long MostOffset = TimeSpan.TicksPerDay;

    private readonly TimeZoneInfo _zone;
    private readonly CalendarUnit _unit;
    private readonly long _length;

    private BudgetWindow(string text, BudgetWindowKind kind, TimeZoneInfo zone, CalendarUnit unit = default, long length = 0)
    {
        Text = text;
        Kind = kind;
        BucketTicks = kind == BudgetWindowKind.Rolling ? BucketFor(length) : 0;
        _zone = zone;
        _unit = unit;
        _length = length;
    }

    private enum CalendarUnit
    {
        Minute,
        Hour,
        Day,
        Week,
        Month,
        Quarter,
        Year,
    }

    /// <summary>As configured: <c>month</c>, <c>5h</c>, <c>lifetime</c>.</summary>
    public string Text { get; }

    /// <summary>The IANA name of the zone whose calendar it follows; <c>UTC</c> for a window that follows none.</summary>
    public string TimeZoneId => _zone.Id;

    /// <summary>Whether it begins anew by the calendar, rolls, or lasts for ever.</summary>
    public BudgetWindowKind Kind { get; }

    /// <summary>How finely a rolling window forgets: the length of one bucket in ticks. 0 for the other kinds.</summary>
    /// <remarks>A minute in windows up to an hour, five up to a day, an hour up to 31 days, else a day.</remarks>
    public long BucketTicks { get; }

    /// <summary>Reads a window as configured.</summary>
    /// <param name="window">
    /// <c>minute</c>, <c>hour</c>, <c>day</c>, <c>week</c>, <c>month</c>, <c>quarter</c>, <c>year</c>, <c>1m</c> to <c>366d</c>, or <c>lifetime</c>.
    /// </param>
    /// <param name="timeZone">An IANA name; only <c>UTC</c> where the calendar plays no part.</param>
    /// <param name="parsed">The window; null when there is a problem.</param>
    /// <param name="problem">What is wrong and what would do, to follow the path in the configuration; empty when nothing is.</param>
    public static bool TryParse(string window, string timeZone, [NotNullWhen(true)] out BudgetWindow? parsed, out string problem)
    {
        parsed = null;
        var isCalendar = TryReadUnit(window, out var unit);
        var length = 0L;
        if (!isCalendar && window != "lifetime" && !TryReadLength(window, out length))
        {
            problem = $"is \"{window}\", but must be one of \"minute\", \"hour\", \"day\", \"week\", \"month\", \"quarter\", \"year\" and \"lifetime\", " +
                "or a number and m, h or d, \"1m\" to \"366d\".";
            return false;
        }

        if (!isCalendar && timeZone != Utc)
        {
            problem = $"is \"{window}\" with the time zone \"{timeZone}\", which would mean nothing: only windows by the calendar begin at a local time. " +
                "Leave the time zone out.";
            return false;
        }

        if (!TimeZoneInfo.TryFindSystemTimeZoneById(timeZone, out var zone))
        {
            problem = $"has the time zone \"{timeZone}\", which is not known here. Use an IANA name, such as \"Europe/Berlin\"; " +
                "the machine's tzdata has the list.";
            return false;
        }

        problem = string.Empty;
        parsed = isCalendar ? new(window, BudgetWindowKind.Calendar, zone, unit)
            : length > 0 ? new(window, BudgetWindowKind.Rolling, zone, length: length)
            : new(window, BudgetWindowKind.Lifetime, zone);
        return true;
    }

    /// <summary>Finds the window that an instant is in.</summary>
    /// <param name="utcTicks">The instant.</param>
    /// <param name="start">
    /// The window's first instant. Rolling: spend since then counts; at least the whole length, at most one bucket more. For ever: 0.
    /// </param>
    /// <param name="end">
    /// The first instant after it, when to ask again; one tick past <see cref="DateTime.MaxValue"/> for the last window. Rolling: when its first
    /// bucket leaves it. For ever: <see cref="long.MaxValue"/>.
    /// </param>
    public void Find(long utcTicks, out long start, out long end)
    {
        var instant = Math.Clamp(utcTicks, 0, LastTicks);
        switch (Kind)
        {
            case BudgetWindowKind.Lifetime:
                (start, end) = (0, long.MaxValue);
                break;
            case BudgetWindowKind.Rolling:
                var first = BucketOf(instant - _length);
                (start, end) = (Math.Max(first, 0), LeavesAt(first));
                break;
            // Offsets are whole minutes (TimeZoneInfo cuts off the seconds of old ones), so a minute is one in every zone.
            case BudgetWindowKind.Calendar when _unit == CalendarUnit.Minute:
                start = instant - (instant % TimeSpan.TicksPerMinute);
                end = start + TimeSpan.TicksPerMinute;
                break;
            case BudgetWindowKind.Calendar when _unit == CalendarUnit.Hour:
                (start, end) = (LastWholeHour(instant), NextWholeHour(instant));
                break;
            default:
                FindDays(instant, out start, out end);
                break;
        }
    }

    /// <summary>The bucket of a rolling window that an instant is in.</summary>
    /// <returns>The UTC ticks at which it starts, a multiple of <see cref="BucketTicks"/>.</returns>
    /// <exception cref="InvalidOperationException">The window does not roll.</exception>
    public long BucketOf(long utcTicks) =>
        Kind == BudgetWindowKind.Rolling
            ? utcTicks - Remainder(utcTicks, BucketTicks)
            : throw new InvalidOperationException($"The window \"{Text}\" has no buckets: it does not roll.");

    /// <summary>When a rolling window stops counting a bucket.</summary>
    /// <param name="bucket">From <see cref="BucketOf"/>.</param>
    public long LeavesAt(long bucket) => bucket + _length + BucketTicks;

    /// <inheritdoc/>
    public override string ToString() => Kind == BudgetWindowKind.Calendar ? $"{Text} in {TimeZoneId}" : Text;

    private static bool TryReadUnit(string window, out CalendarUnit unit)
    {
        (var isUnit, unit) = window switch
        {
            "minute" => (true, CalendarUnit.Minute),
            "hour" => (true, CalendarUnit.Hour),
            "day" => (true, CalendarUnit.Day),
            "week" => (true, CalendarUnit.Week),
            "month" => (true, CalendarUnit.Month),
            "quarter" => (true, CalendarUnit.Quarter),
            "year" => (true, CalendarUnit.Year),
            _ => (false, default),
        };
        return isUnit;
    }

    private static bool TryReadLength(string window, out long length)
    {
        var unit = window.Length == 0 ? 0 : window[^1] switch
        {
            'm' => TimeSpan.TicksPerMinute,
            'h' => TimeSpan.TicksPerHour,
            'd' => TimeSpan.TicksPerDay,
            _ => 0,
        };

        // Six digits hold 366 days in minutes. A leading zero is refused so that one length in one unit has one text.
        var isNumber = int.TryParse(window.AsSpan(0, Math.Max(window.Length - 1, 0)), NumberStyles.None, CultureInfo.InvariantCulture, out var count);
        length = count * unit;
        return isNumber && window.Length <= 7 && window[0] != '0' && length is > 0 and <= 366 * TimeSpan.TicksPerDay;
    }

    private static long BucketFor(long length) => length switch
    {
        <= TimeSpan.TicksPerHour => TimeSpan.TicksPerMinute,
        <= TimeSpan.TicksPerDay => 5 * TimeSpan.TicksPerMinute,
        <= 31 * TimeSpan.TicksPerDay => TimeSpan.TicksPerHour,
        _ => TimeSpan.TicksPerDay,
    };

    // Never negative, unlike %.
    private static long Remainder(long value, long divisor) => ((value % divisor) + divisor) % divisor;

    // The clock shows a time since this begin, so the window does not begin after the instant. Turned back, it may have shown a later begin before.
    private void FindDays(long instant, out long start, out long end)
    {
        var local = BeginOf(Math.Clamp(instant + OffsetAt(instant), 0, LastTicks));
        start = InstantOf(local);
        local = NextBegin(local);
        end = InstantOf(local);
        while (end <= instant)
        {
            start = end;
            local = NextBegin(local);
            end = InstantOf(local);
        }
    }

    // In local ticks: the begin of the unit that a local time is in.
    private long BeginOf(long local)
    {
        var time = new DateTime(local);
        var begin = _unit switch
        {
            CalendarUnit.Day => time.Date,
            CalendarUnit.Week => time.Date.AddDays(-(((int)time.DayOfWeek + 6) % 7)),
            CalendarUnit.Month => new DateTime(time.Year, time.Month, 1),
            CalendarUnit.Quarter => new DateTime(time.Year, ((time.Month - 1) / 3 * 3) + 1, 1),
            _ => new DateTime(time.Year, 1, 1),
        };
        return begin.Ticks;
    }

    // In local ticks: the begin of the unit after the one that begins here; past LastTicks after the last.
    private long NextBegin(long begin)
    {
        return _unit switch
        {
            CalendarUnit.Day => begin + TimeSpan.TicksPerDay,
            CalendarUnit.Week => begin + (7 * TimeSpan.TicksPerDay),
            CalendarUnit.Month => After(begin, 1),
            CalendarUnit.Quarter => After(begin, 3),
            _ => After(begin, 12),
        };

        static long After(long begin, int months)
        {
            var time = new DateTime(begin);
            return time is { Year: 9999 } && time.Month + months > 12 ? EndOfTicks : time.AddMonths(months).Ticks;
        }
    }

    // The first instant at which the clock shows a local time or a later one. It never falls as the local time grows, and so windows tile.
    private long InstantOf(long local)
    {
        if (local is <= 0 or > LastTicks)
        {
            return local <= 0 ? 0 : EndOfTicks;
        }

        var low = Math.Max(local - MostOffset, 0);
        var high = Math.Min(local + MostOffset, LastTicks);
        var (before, after) = (OffsetAt(low), OffsetAt(high));
        var instant = local - before;
        if (before != after)
        {
            var change = FirstWith(after, low, high);
            instant = instant < change ? instant : Math.Max(change, local - after);
        }

        return Math.Clamp(instant, 0, EndOfTicks);
    }

    private long LastWholeHour(long instant)
    {
        var offset = OffsetAt(instant);
        var hour = instant - Remainder(instant + offset, TimeSpan.TicksPerHour);
        if (hour <= 0 || IsWholeHours(OffsetAt(hour) - offset))
        {
            return Math.Max(hour, 0);
        }

        // Clocks were set by a part of an hour since: the hour began before that.
        return LastWholeHour(FirstWith(offset, hour, instant) - 1);
    }

    private long NextWholeHour(long instant)
    {
        var offset = OffsetAt(instant);
        var hour = instant - Remainder(instant + offset, TimeSpan.TicksPerHour) + TimeSpan.TicksPerHour;
        if (hour > LastTicks)
        {
            return EndOfTicks;
        }

        var then = OffsetAt(hour);
        if (IsWholeHours(then - offset))
        {
            return hour;
        }

        // Clocks will be set by a part of an hour before that.
        var change = FirstWith(then, instant, hour);
        return IsWholeHours(change + then) ? change : NextWholeHour(change);
    }

    private static bool IsWholeHours(long ticks) => ticks % TimeSpan.TicksPerHour == 0;

    // The first instant after low with an offset that high has and low has not.
    private long FirstWith(long offset, long low, long high)
    {
        while (high - low > 1)
        {
            var middle = low + ((high - low) / 2);
            (low, high) = OffsetAt(middle) == offset ? (low, middle) : (middle, high);
        }

        return high;
    }

    private long OffsetAt(long instant) => _zone.GetUtcOffset(new DateTime(instant, DateTimeKind.Utc)).Ticks;
}

/// <summary>How a budget's window moves.</summary>
public enum BudgetWindowKind
{
    /// <summary>Begins anew by the calendar of a time zone.</summary>
    Calendar,

    /// <summary>Reaches back a fixed time from now.</summary>
    Rolling,

    /// <summary>Never begins anew.</summary>
    Lifetime,
}
