using Microsoft.Extensions.Time.Testing;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Metrics;
using Tollgate.Testing;

namespace Tollgate.Proxy.Tests.Metrics;

public class DearestSessionsTests
{
    private static readonly TimeSpan Bucket = DearestSessions.Window / DearestSessions.Buckets;

    private readonly FakeTimeProvider _time = new();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Figures_equal_a_naive_sum_as_long_as_every_session_has_a_place(int seed)
    {
        var random = new Random(seed);
        var sessions = new DearestSessions(_time, tracked: 64, shown: 10, new Nanodollars(1_000));
        var spends = new Spends();
        for (var step = 0; step < 10_000; step++)
        {
            // Sixty at a time, and sixty others a window later: places are given back.
            var generation = step / 2_500;
            Spend(sessions, spends, $"s{generation}-{random.Next(60)}", random.NextInt64(0, 2_000));
            if (random.Next(50) == 0)
            {
                _time.Advance(random.Next(20) == 0 ? Bucket * random.Next(1, 25) : TimeSpan.FromSeconds(random.Next(1, 40)));
            }

            if (step % 2_500 == 2_499)
            {
                _time.Advance(DearestSessions.Window);
            }

            if (step % 7 == 0)
            {
                var expected = spends.InWindow(BucketNow()).Where(static pair => pair.Value >= 1_000)
                    .OrderByDescending(static pair => pair.Value).ThenBy(static pair => pair.Key, StringComparer.Ordinal).Take(10);
                Assert.Equal(expected.Select(static pair => (pair.Key, pair.Value)), sessions.Read().Select(static one => (one.SessionId, one.Spent.Value)));
            }
        }
    }

    [Theory]
    [InlineData(1, 16, 200)]
    [InlineData(2, 16, 40)]
    [InlineData(3, 32, 5_000)]
    [InlineData(4, 1, 3)]
    public void With_more_sessions_than_places_a_figure_is_never_too_high_and_too_low_by_no_more_than_is_promised(int seed, int tracked, int distinct)
    {
        var random = new Random(seed);
        var sessions = new DearestSessions(_time, tracked, shown: tracked, Nanodollars.Zero);
        var spends = new Spends();
        var most = 0L;
        for (var step = 0; step < 10_000; step++)
        {
            // Some spend much more than others, and which ones changes.
            var session = random.Next(3) == 0 ? $"dear{(step / 3_000) + random.Next(3)}" : $"s{random.Next(distinct)}";
            Spend(sessions, spends, session, random.NextInt64(1, session[0] == 'd' ? 500 : 100));
            most = Math.Max(most, spends.LargestSum);
            if (step % 13 == 0)
            {
                var truth = spends.InWindow(BucketNow());
                var shown = sessions.Read().ToDictionary(static one => one.SessionId, static one => one.Spent.Value);
                var allowed = DearestSessions.Buckets * most / tracked;
                Assert.All(shown, one => Assert.True(one.Value <= truth[one.Key], $"{one.Key} is shown with {one.Value} of {truth[one.Key]}"));
                Assert.All(truth, one => Assert.True(one.Value - shown.GetValueOrDefault(one.Key) <= allowed, $"{one.Key} is shown with {shown.GetValueOrDefault(one.Key)} of {one.Value}"));
                Assert.True(sessions.Tracked <= tracked);
            }

            if (random.Next(100) == 0)
            {
                _time.Advance(TimeSpan.FromSeconds(random.Next(1, 60)));
            }
        }
    }

    [Fact]
    public void A_flood_of_new_sessions_does_not_hide_the_one_that_burns()
    {
        var sessions = new DearestSessions(_time, DearestSessions.MaxTracked, DearestSessions.MaxShown, DearestSessions.Floor);
        for (var i = 0; i < 200_000; i++)
        {
            Add(sessions, $"new{i}", 1_000_000);
            if (i % 1_000 == 0)
            {
                Add(sessions, "burning", 100_000_000);
            }
        }

        var burning = Assert.Single(sessions.Read());
        Assert.Equal(("burning", 20_000_000_000), (burning.SessionId, burning.Spent.Value));
        Assert.Equal(DearestSessions.MaxTracked, sessions.Tracked);
    }

    [Fact]
    public void A_session_that_loses_its_place_again_and_again_is_not_hidden_by_that()
    {
        const int Tracked = 16;
        var sessions = new DearestSessions(_time, Tracked, shown: Tracked, Nanodollars.Zero);
        var sum = 0L;
        for (var i = 0; i < Tracked - 1; i++)
        {
            Spend($"steady{i}", 1_000);
        }

        for (var round = 1; round <= 100; round++)
        {
            // Always a little cheaper than the others when a new session needs a place.
            Spend("again", 900);
            Spend($"new{round}", 1);
            var shown = sessions.Read().SingleOrDefault(static one => one.SessionId == "again").Spent.Value;
            Assert.InRange(shown, (900 * round) - (sum / Tracked), 900 * round);
        }

        void Spend(string session, long nano)
        {
            Add(sessions, session, nano);
            sum += nano;
        }
    }

    [Fact]
    public void What_a_session_spent_leaves_the_window_bucket_by_bucket_and_then_its_place_is_free()
    {
        var sessions = new DearestSessions(_time);
        Add(sessions, "s1", 2_000_000_000);
        _time.Advance(Bucket);
        Add(sessions, "s1", 3_000_000_000);
        Assert.Equal([5_000_000_000], sessions.Read().Select(static one => one.Spent.Value));

        _time.Advance(DearestSessions.Window - Bucket - TimeSpan.FromMilliseconds(1));
        Assert.Equal([5_000_000_000], sessions.Read().Select(static one => one.Spent.Value));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal([3_000_000_000], sessions.Read().Select(static one => one.Spent.Value));
        _time.Advance(Bucket);
        Assert.Empty(sessions.Read());
        Assert.Equal(0, sessions.Tracked);
    }

    [Fact]
    public void A_session_below_the_floor_is_counted_but_not_shown()
    {
        var sessions = new DearestSessions(_time);
        Add(sessions, "s1", DearestSessions.Floor.Value - 1);
        Assert.Empty(sessions.Read());
        Add(sessions, "s1", 1);
        Assert.Equal(DearestSessions.Floor, Assert.Single(sessions.Read()).Spent);
    }

    [Fact]
    public void The_same_id_under_another_key_is_another_session()
    {
        var sessions = new DearestSessions(_time);
        sessions.Add(Given.Key(keyId: "k1"), "s1", Nanodollars.FromDollars(2), _time.GetTimestamp());
        sessions.Add(Given.Key(keyId: "k2"), "s1", Nanodollars.FromDollars(3), _time.GetTimestamp());
        Assert.Equal([("k2", 3m), ("k1", 2m)], sessions.Read().Select(static one => (one.KeyId, one.Spent.ToDollars())));
    }

    [Fact]
    public void An_attempt_without_a_session_or_without_a_cost_takes_no_place()
    {
        var sessions = new DearestSessions(_time);
        Add(sessions, string.Empty, 5_000_000_000);
        Add(sessions, "s1", 0);
        Assert.Equal(0, sessions.Tracked);
    }

    [Fact]
    public void Costs_without_bounds_stop_at_the_largest_amount_instead_of_wrapping()
    {
        var sessions = new DearestSessions(_time);
        Add(sessions, "s1", long.MaxValue);
        Add(sessions, "s2", long.MaxValue);
        Add(sessions, "s1", long.MaxValue);
        Assert.Equal([("s1", long.MaxValue)], sessions.Read().Select(static one => (one.SessionId, one.Spent.Value)));
        _time.Advance(DearestSessions.Window);
        Assert.Empty(sessions.Read());
        Add(sessions, "s2", 7_000_000_000);
        Assert.Equal(7_000_000_000, Assert.Single(sessions.Read()).Spent.Value);
    }

    [Fact]
    public async Task A_scrape_shows_the_dearest_with_their_owner_and_no_series_of_those_that_cooled()
    {
        var metrics = new GatewayMetrics(new MetricsOptions());
        var sessions = DearestSessions.PublishedBy(metrics, _time);
        for (var i = 0; i < 50; i++)
        {
            Add(sessions, $"s{i:D2}", 1_000_000_000 + i);
        }

        var scrape = await Scrape.OfAsync(metrics);
        var series = scrape.Names.Where(static name => name.StartsWith("tollgate_session_spent_usd{", StringComparison.Ordinal)).ToArray();
        Assert.Equal(DearestSessions.MaxShown, series.Length);
        Assert.Equal(1.000000049m, scrape.Value("tollgate_session_spent_usd", "session_id=\"s49\"", "key_id=\"k1\"", "key_name=\"Ann's\"", "team=\"search\"", "customer=\"acme\""));

        _time.Advance(DearestSessions.Window);
        scrape = await Scrape.OfAsync(metrics);
        Assert.DoesNotContain(scrape.Names, static name => name.StartsWith("tollgate_session_spent_usd", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Many_threads_lose_and_invent_nothing()
    {
        var sessions = new DearestSessions(_time, tracked: 16, shown: 16, Nanodollars.Zero);
        await Task.WhenAll(Enumerable.Range(0, 8).Select(thread => Task.Factory.StartNew(
            () =>
            {
                for (var i = 0; i < 50_000; i++)
                {
                    Add(sessions, $"s{i % 16:D2}", thread + 1);
                    if (i % 10_000 == 0)
                    {
                        sessions.Read();
                    }
                }
            },
            TestContext.Current.CancellationToken,
            TaskCreationOptions.LongRunning,
            TaskScheduler.Default)));
        Assert.All(sessions.Read(), static one => Assert.Equal(50_000 / 16 * 36, one.Spent.Value));
        Assert.Equal(16, sessions.Tracked);
    }

    [Fact]
    public void Counting_allocates_nothing()
    {
        var sessions = new DearestSessions(_time, tracked: 100, shown: 10, Nanodollars.Zero);
        var ids = Enumerable.Range(0, 150).Select(static i => $"s{i}").ToArray();
        Count();
        Assert.Equal(0, Allocations.Least(Count));

        void Count()
        {
            // Past the last place, and over the end of a bucket.
            foreach (var id in ids)
            {
                Add(sessions, id, 5);
            }

            _time.Advance(Bucket);
        }
    }

    private void Add(DearestSessions sessions, string session, long nano) => sessions.Add(Given.Key(), session, new Nanodollars(nano), _time.GetTimestamp());

    private void Spend(DearestSessions sessions, Spends spends, string session, long nano)
    {
        Add(sessions, session, nano);
        spends.Add(BucketNow(), session, nano);
    }

    private long BucketNow() => (_time.GetUtcNow() - _time.Start).Ticks / Bucket.Ticks;

    /// <summary>Every spend of the window, added up anew when asked.</summary>
    private sealed class Spends
    {
        private readonly List<(long Bucket, string Session, long Nano)> _all = [];
        private long _bucket;
        private long _sum;

        public long LargestSum { get; private set; }

        public void Add(long bucket, string session, long nano)
        {
            _all.Add((bucket, session, nano));
            _sum += nano;
            if (bucket != _bucket)
            {
                _bucket = bucket;
                _all.RemoveAll(one => one.Bucket <= bucket - DearestSessions.Buckets);
                _sum = _all.Sum(static one => one.Nano);
            }

            LargestSum = Math.Max(LargestSum, _sum);
        }

        public Dictionary<string, long> InWindow(long bucket) => _all.Where(one => one.Bucket > bucket - DearestSessions.Buckets && one.Nano > 0)
            .GroupBy(static one => one.Session).ToDictionary(static group => group.Key, static group => group.Sum(static one => one.Nano));
    }
}
