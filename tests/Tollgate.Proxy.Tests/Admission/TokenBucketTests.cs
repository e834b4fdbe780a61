using System.Globalization;
using System.Numerics;
using CsCheck;
using Tollgate.Proxy.Admission;
using Tollgate.Testing;

namespace Tollgate.Proxy.Tests.Admission;

public class TokenBucketTests
{
    private const long Second = 1_000_000_000;

    private static readonly long Schedules = Number("TOLLGATE_ADMISSION_SCHEDULES", 100_000);

    // Small numbers meet each other's edges, large ones those of the integers.
    private static readonly Gen<long> Counts = Gen.OneOf(Gen.Long[1, 20], Gen.Long[1, 1_000_000], Gen.Long[1, TokenBucket.MostAmount]);
    private static readonly Gen<TimeSpan> Pers = Gen.OneOf(
        Gen.Int[0, 3].Select(i => new[] { TimeSpan.FromSeconds(1), TimeSpan.FromMinutes(1), TimeSpan.FromDays(1), TimeSpan.FromDays(31) }[i]),
        Gen.Long[TimeSpan.TicksPerSecond, 31 * TimeSpan.TicksPerDay].Select(ticks => new TimeSpan(ticks)));

    // Windows counts 10^7 a second and Linux 10^9; 32,768 and 3 leave remainders.
    private static readonly Gen<long> Frequencies = Gen.Int[0, 3].Select(i => new[] { 10_000_000, Second, 32_768, 3 }[i]);

    private static readonly Gen<Rate> Rates = Gen.Select(
        Counts, Pers, Gen.OneOf(Gen.Const(0L), Counts), Frequencies, (limit, per, burst, frequency) => new Rate(limit, per, burst, frequency));

    // An amount as a part of the burst in 1/1000, and a pause as a part of the time that filling from empty takes.
    private static readonly Gen<Step[]> Steps = Gen.Select(
        Gen.Int[0, 7],
        Gen.OneOf(Gen.Int[0, 1000], Gen.Int[900, 1500], Gen.Int[0, 30]),
        Gen.OneOf(Gen.Const(0), Gen.Int[0, 100], Gen.Int[0, 1500], Gen.Int[-200, 0]),
        (act, amount, pause) => new Step(act, amount, pause)).Array[1, 16];

    [Fact]
    public void A_whole_limit_may_come_at_once_and_then_one_by_one()
    {
        var bucket = new TokenBucket(60, TimeSpan.FromMinutes(1), 0, Second, now: 5);
        for (var i = 0; i < 60; i++)
        {
            Assert.True(Try(bucket, 5, 1));
        }

        Assert.False(bucket.CanTake_NeedsLock(5, 1));
        Assert.Equal(60, bucket.Used_NeedsLock(5));
        Assert.Equal(TimeSpan.FromSeconds(1), bucket.WaitFor_NeedsLock(5, 1));
        Assert.False(bucket.CanTake_NeedsLock(5 + Second - 1, 1));
        Assert.True(Try(bucket, 5 + Second, 1));
        Assert.False(bucket.CanTake_NeedsLock(5 + Second, 1));
        Assert.Equal(30, bucket.Used_NeedsLock(5 + (31 * Second)));
        Assert.Equal(0, bucket.Used_NeedsLock(5 + (61 * Second)));
        Assert.True(bucket.CanTake_NeedsLock(5 + (3600 * Second), 60));
    }

    [Fact]
    public void A_third_of_a_token_is_not_lost()
    {
        // One per 3 clock ticks and a bit: 7 in 22 ticks.
        var bucket = new TokenBucket(7, TimeSpan.FromSeconds(22), 7, frequency: 1, now: 0);
        Assert.True(Try(bucket, 0, 7));
        var taken = 0;
        for (var now = 1; now <= 22_000; now++)
        {
            taken += Try(bucket, now, 1) ? 1 : 0;
            Assert.Equal(7 * now / 22, taken);
        }
    }

    [Fact]
    public void An_amount_above_the_burst_waits_for_a_full_bucket_and_leaves_a_debt()
    {
        var bucket = new TokenBucket(10, TimeSpan.FromSeconds(10), 10, Second, now: 0);
        Assert.True(Try(bucket, 0, 1));
        Assert.False(bucket.CanTake_NeedsLock(0, 25));
        Assert.Equal(TimeSpan.FromSeconds(1), bucket.WaitFor_NeedsLock(0, 25));
        Assert.True(Try(bucket, Second, 25));
        Assert.Equal(25, bucket.Used_NeedsLock(Second));
        Assert.Equal(TimeSpan.FromSeconds(16), bucket.WaitFor_NeedsLock(Second, 1));
        Assert.False(bucket.CanTake_NeedsLock(Second, 0));
        Assert.True(bucket.CanTake_NeedsLock(17 * Second, 1));
    }

    [Fact]
    public void Less_used_than_estimated_is_given_back_but_never_above_full()
    {
        var bucket = new TokenBucket(100, TimeSpan.FromSeconds(100), 0, Second, now: 0);
        bucket.Take_NeedsLock(0, 100);
        bucket.Correct_NeedsLock(0, -30);
        Assert.Equal(70, bucket.Used_NeedsLock(0));
        bucket.Correct_NeedsLock(60 * Second, -30);
        Assert.Equal(0, bucket.Used_NeedsLock(60 * Second));
        Assert.True(Try(bucket, 60 * Second, 100));
        Assert.False(bucket.CanTake_NeedsLock(60 * Second, 1));
    }

    [Fact]
    public void More_used_than_estimated_is_a_debt_that_time_pays()
    {
        var bucket = new TokenBucket(100, TimeSpan.FromSeconds(100), 0, Second, now: 0);
        bucket.Take_NeedsLock(0, 100);
        bucket.Correct_NeedsLock(0, 50);
        Assert.Equal(150, bucket.Used_NeedsLock(0));
        Assert.Equal(TimeSpan.FromSeconds(51), bucket.WaitFor_NeedsLock(0, 1));
    }

    [Fact]
    public void A_clock_that_goes_back_gives_nothing_and_going_there_again_gives_nothing_twice()
    {
        var bucket = new TokenBucket(10, TimeSpan.FromSeconds(10), 0, Second, now: 100 * Second);
        bucket.Take_NeedsLock(100 * Second, 10);
        Assert.Equal(10, bucket.Used_NeedsLock(40 * Second));
        Assert.Equal(TimeSpan.FromSeconds(61), bucket.WaitFor_NeedsLock(40 * Second, 1));
        bucket.Correct_NeedsLock(40 * Second, -2);
        Assert.True(Try(bucket, 40 * Second, 2));
        Assert.False(bucket.CanTake_NeedsLock(100 * Second, 1));
        Assert.Equal(9, bucket.Used_NeedsLock(101 * Second));
    }

    [Theory]
    [InlineData(1, 31 * 24 * 3600)]
    [InlineData(TokenBucket.MostAmount, 1)]
    [InlineData(TokenBucket.MostAmount, 31 * 24 * 3600)]
    public void The_largest_numbers_do_not_overflow(long limit, int seconds)
    {
        var bucket = new TokenBucket(limit, TimeSpan.FromSeconds(seconds), TokenBucket.MostAmount, frequency: 10_000_000_000, now: long.MinValue);
        for (var i = 1; i <= 100; i++)
        {
            bucket.Take_NeedsLock(long.MinValue, long.MaxValue);
            bucket.Correct_NeedsLock(long.MinValue, long.MaxValue);
            Assert.Equal(2 * i * TokenBucket.MostAmount, bucket.Used_NeedsLock(long.MinValue));
        }

        var wait = bucket.WaitFor_NeedsLock(long.MinValue, long.MaxValue);
        var product = 200 * (BigInteger)TokenBucket.MostAmount * seconds * TimeSpan.TicksPerSecond;
        Assert.Equal(BigInteger.Min(TimeSpan.MaxValue.Ticks, (product + limit - 1) / limit), wait.Ticks);

        for (var i = 0; i < 1000; i++)
        {
            bucket.Correct_NeedsLock(long.MinValue, long.MaxValue);
        }

        Assert.InRange(bucket.Used_NeedsLock(long.MaxValue), 0, 1100 * TokenBucket.MostAmount);
        for (var i = 0; i < 1200; i++)
        {
            bucket.Correct_NeedsLock(long.MaxValue, long.MinValue);
        }

        Assert.Equal(0, bucket.Used_NeedsLock(long.MaxValue));
        Assert.True(bucket.CanTake_NeedsLock(long.MaxValue, long.MaxValue));
    }

    [Theory]
    [InlineData(0, 60, 0, 1)]
    [InlineData(TokenBucket.MostAmount + 1, 60, 0, 1)]
    [InlineData(1, 0, 0, 1)]
    [InlineData(1, 31 * 24 * 3600 + 1, 0, 1)]
    [InlineData(1, 60, -1, 1)]
    [InlineData(1, 60, TokenBucket.MostAmount + 1, 1)]
    [InlineData(1, 60, 0, 0)]
    [InlineData(1, 60, 0, 10_000_000_001)]
    public void A_limit_outside_its_range_is_no_bucket(long limit, int seconds, long burst, long frequency) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new TokenBucket(limit, TimeSpan.FromSeconds(seconds), burst, frequency, now: 0));

    [Fact]
    public void In_any_time_at_most_the_burst_and_what_the_rate_gives_is_let_in() =>
        Gen.Select(Rates, Steps, Gen.Bool).Sample((rate, steps, isEager) =>
        {
            var bucket = rate.Bucket();
            var (now, highest) = (0L, 0L);
            var admitted = new List<(long At, long Amount)>();
            foreach (var step in steps)
            {
                var amount = Math.Min(step.AmountFor(rate), rate.Capacity);

                // Eager: comes at the very tick at which it may.
                now += isEager ? rate.Ticks(bucket.WaitFor_NeedsLock(now, amount)) : step.PauseFor(rate);
                highest = Math.Max(highest, now);
                if (Try(bucket, now, amount))
                {
                    admitted.Add((highest, amount));
                }
            }

            for (var first = 0; first < admitted.Count; first++)
            {
                BigInteger sum = 0;
                for (var last = first; last < admitted.Count; last++)
                {
                    sum += admitted[last].Amount;
                    Assert.True(
                        sum * rate.Parts <= (rate.Capacity * rate.Parts) + ((admitted[last].At - admitted[first].At) * rate.PartsPerTick),
                        $"{sum} from {admitted[first].At} to {admitted[last].At}");
                }
            }
        }, iter: Schedules);

    [Fact]
    public void It_does_what_fractions_say_and_its_waits_are_enough_and_no_longer() =>
        Gen.Select(Rates, Steps).Sample((rate, steps) =>
        {
            var (bucket, model, now) = (rate.Bucket(), new Model(rate), 0L);
            foreach (var step in steps)
            {
                now += step.PauseFor(rate);
                var amount = step.AmountFor(rate);
                var canTake = model.CanTake(now, amount);
                Assert.Equal(canTake, bucket.CanTake_NeedsLock(now, amount));
                Assert.Equal(model.Used(now), bucket.Used_NeedsLock(now));
                CheckWait(bucket, rate, now, amount);
                switch (step.Act)
                {
                    case <= 3 when canTake:
                    case 4:
                        bucket.Take_NeedsLock(now, amount);
                        model.Add(now, amount);
                        break;
                    case 5:
                        bucket.Correct_NeedsLock(now, amount);
                        model.Add(now, amount);
                        break;
                    case 6 or 7:
                        bucket.Correct_NeedsLock(now, -amount);
                        model.Add(now, -amount);
                        break;
                }

                Assert.Equal(model.Used(now), bucket.Used_NeedsLock(now));
            }
        }, iter: Schedules);

    [Fact]
    public void An_estimate_settled_at_any_time_while_the_bucket_was_never_full_is_as_if_the_actual_had_been_taken() =>
        Gen.Select(Rates, Gen.Long[0, 1000].Array[2, 8], Gen.Long[0, 1000].Array[8], Gen.Int[0, 1000]).Sample((rate, estimates, actuals, pause) =>
        {
            // Pauses sum to less than what the amounts on the debt underneath take to give back, so nothing is lost at full.
            var (settled, exact, now) = (rate.Bucket(), rate.Bucket(), 0L);
            long[] estimated = [.. estimates.Select(part => Of(rate, part))];
            long[] actual = [.. actuals.Take(estimated.Length).Select(part => Of(rate, part))];
            settled.Take_NeedsLock(now, TokenBucket.MostAmount);
            exact.Take_NeedsLock(now, TokenBucket.MostAmount);
            var step = (long)(rate.FillTicks * pause / 1000 / (2 * estimated.Length));
            for (var i = 0; i < estimated.Length; i++)
            {
                now += step;
                settled.Take_NeedsLock(now, estimated[i]);
                exact.Take_NeedsLock(now, actual[i]);
            }

            for (var i = 0; i < estimated.Length; i++)
            {
                settled.Correct_NeedsLock(now, actual[i] - estimated[i]);
            }

            var later = now + step;
            Assert.Equal(exact.Used_NeedsLock(now), settled.Used_NeedsLock(now));
            Assert.Equal(exact.Used_NeedsLock(later), settled.Used_NeedsLock(later));
            Assert.Equal(exact.WaitFor_NeedsLock(later, 1), settled.WaitFor_NeedsLock(later, 1));

            static long Of(Rate rate, long part) => (long)(rate.Capacity * (BigInteger)part / 1000);
        }, iter: Schedules / 5);

    [Fact]
    public void Asking_taking_and_correcting_allocate_nothing()
    {
        var bucket = new TokenBucket(1000, TimeSpan.FromSeconds(7), 0, Second, now: 0);
        Once(0);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var now = 1; now <= 1000; now++)
            {
                Once(now * 1_000_000L);
            }
        }));

        void Once(long now)
        {
            if (bucket.CanTake_NeedsLock(now, 3))
            {
                bucket.Take_NeedsLock(now, 3);
            }

            bucket.Correct_NeedsLock(now, 2);
            bucket.Correct_NeedsLock(now, -1);
            _ = bucket.WaitFor_NeedsLock(now, 900);
            _ = bucket.Used_NeedsLock(now);
        }
    }

    private static void CheckWait(TokenBucket bucket, Rate rate, long now, long amount)
    {
        var wait = bucket.WaitFor_NeedsLock(now, amount);
        Assert.Equal(bucket.CanTake_NeedsLock(now, amount), wait == TimeSpan.Zero);
        if (wait > TimeSpan.Zero && wait < TimeSpan.MaxValue && rate.Ticks(wait) < Rate.MostTicks)
        {
            Assert.True(bucket.CanTake_NeedsLock(now + rate.Ticks(wait), amount), "The wait is enough.");
            Assert.False(bucket.CanTake_NeedsLock(now + rate.Ticks(wait - TimeSpan.FromTicks(1)), amount), "Less is not.");
        }
    }

    private static bool Try(TokenBucket bucket, long now, long amount)
    {
        if (!bucket.CanTake_NeedsLock(now, amount))
        {
            return false;
        }

        bucket.Take_NeedsLock(now, amount);
        return true;
    }

    private static long Number(string variable, long otherwise) =>
        long.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : otherwise;

    private sealed record Rate(long Limit, TimeSpan Per, long Burst, long Frequency)
    {
        // Of one wait, so that no schedule leaves what a clock can read.
        public const long MostTicks = long.MaxValue / 32;

        public long Capacity => Burst == 0 ? Limit : Burst;

        // One of what is counted in parts, and what a tick of the clock gives back.
        public BigInteger Parts => (BigInteger)Per.Ticks * Frequency;

        public BigInteger PartsPerTick => (BigInteger)Limit * TimeSpan.TicksPerSecond;

        // What filling from empty takes.
        public BigInteger FillTicks => BigInteger.Min(Capacity * Parts / PartsPerTick, MostTicks / 2);

        public TokenBucket Bucket() => new(Limit, Per, Burst, Frequency, now: 0);

        // What the clock shows to have passed after a wait: whole ticks.
        public long Ticks(TimeSpan wait) => (long)BigInteger.Min((BigInteger)wait.Ticks * Frequency / TimeSpan.TicksPerSecond, MostTicks);
    }

    private readonly record struct Step(int Act, int Amount, int Pause)
    {
        public long AmountFor(Rate rate) => (long)BigInteger.Min(((rate.Capacity * (BigInteger)Amount) + 999) / 1000, TokenBucket.MostAmount);

        public long PauseFor(Rate rate) => (long)(rate.FillTicks * Pause / 1000);
    }

    // Ten lines and obviously right: what is used, as a fraction over Parts.
    private sealed class Model(Rate rate)
    {
        private readonly BigInteger _full = rate.Capacity * rate.Parts;
        private BigInteger _used;
        private long _seen;

        public BigInteger Used(long now) => (PartsAt(now) + rate.Parts - 1) / rate.Parts;

        public bool CanTake(long now, long amount) => PartsAt(now) + (BigInteger.Min(amount, rate.Capacity) * rate.Parts) <= _full;

        public void Add(long now, long amount)
        {
            _used = BigInteger.Max(0, PartsAt(now) + (amount * rate.Parts));
            _seen = Math.Max(_seen, now);
        }

        private BigInteger PartsAt(long now) => BigInteger.Max(0, _used - (Math.Max(0, now - _seen) * rate.PartsPerTick));
    }
}
