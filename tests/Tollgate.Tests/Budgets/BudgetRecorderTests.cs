using Microsoft.Extensions.Time.Testing;
using Tollgate.Budgets;
using Tollgate.Control;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Testing.Gateway;

namespace Tollgate.Tests.Budgets;

/// <summary>What spend, the clock, changes and restarts bring into the queue of budget events, held against a model of a few lines.</summary>
public sealed class BudgetRecorderTests : IAsyncLifetime
{
    private static readonly SpendSubject Ann = new("acme", "search", "p", "k1", "ann", "opus", "s1");
    private static readonly int[] Marks = [50, 80, 100];

    private readonly TemporaryDirectory _directory = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero));
    private ControlStore _store = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _store = await ControlStore.OpenAsync(new ControlOptions(), _directory.Path, _time, Cancellation);
        await _store.SetDeclaredAsync(new TollgateOptions(), Cancellation);
    }

    public ValueTask DisposeAsync()
    {
        _store.Dispose();
        _directory.Dispose();
        return ValueTask.CompletedTask;
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task Any_order_of_spend_windows_limits_and_restarts_queues_each_mark_and_each_reset_once(int seed)
    {
        var random = new Random(seed);
        var expected = new HashSet<(BudgetHappeningKind Kind, DateTimeOffset Window, string Note, long Limit)>();
        var (limit, spent, window) = (100L, 0L, _time.GetUtcNow());
        var (book, recorder) = Start(limit);
        for (var step = 0; step < 120; step++)
        {
            switch (random.Next(8))
            {
                case 0:
                    _time.Advance(TimeSpan.FromMinutes(random.Next(1, 50)));
                    break;
                case 1:
                    limit = random.Next(1, 4) * 100;
                    book.Apply([Budget(limit)], []);
                    break;
                case 2:
                    // Whoever starts anew reads what is spent.
                    await recorder.RecordAsync(Cancellation);
                    recorder.Dispose();
                    (book, recorder) = Start(limit);
                    Roll();
                    Spend(book, spent);
                    Note();
                    break;
                default:
                    var amount = random.Next(0, 20);
                    Roll();
                    spent += amount;
                    Spend(book, amount);
                    Note();
                    break;
            }
        }

        await recorder.RecordAsync(Cancellation);
        recorder.Dispose();
        _time.Advance(TimeSpan.FromHours(2));
        var queued = await _store.BudgetEvents.TakeDueAsync(1000, TimeSpan.FromMinutes(1), Cancellation);
        Assert.All(queued, static taken => Assert.Equal("hours", taken.Happening.Budget));
        Assert.Equal(
            expected.OrderBy(static one => one.ToString(), StringComparer.Ordinal),
            queued.Select(static taken => taken.Happening)
                .Select(static one => (one.Kind, one.Kind == BudgetHappeningKind.Reset ? one.At.AddHours(-1) : HourOf(one.At), one.Note, one.Limit ?? 0))
                .OrderBy(static one => one.ToString(), StringComparer.Ordinal));
        Assert.True(expected.Count > 10, $"Only {expected.Count} events: the schedule tests little.");

        void Roll()
        {
            if (HourOf(_time.GetUtcNow()) != window)
            {
                (window, spent) = (HourOf(_time.GetUtcNow()), 0);
            }
        }

        // The model: in a window, a mark is an event once for each limit under which spend is seen at or above it; and any event has a reset.
        void Note()
        {
            foreach (var mark in Marks.Where(mark => spent * 100 >= mark * limit))
            {
                expected.Add((mark < 100 ? BudgetHappeningKind.Soft : BudgetHappeningKind.Hard, window, $"{mark} % of team search", limit));
                expected.Add((BudgetHappeningKind.Reset, window, "team search", 0));
            }
        }
    }

    [Fact]
    public async Task A_reset_is_due_when_the_window_ends_and_not_before()
    {
        var (book, recorder) = Start(100);
        Spend(book, 60);
        await recorder.RecordAsync(Cancellation);
        recorder.Dispose();
        var soft = Assert.Single(await _store.BudgetEvents.TakeDueAsync(10, TimeSpan.FromMinutes(1), Cancellation));
        Assert.Equal((BudgetHappeningKind.Soft, 60L, 100L), (soft.Happening.Kind, soft.Happening.Spent, soft.Happening.Limit));
        await _store.BudgetEvents.MarkDoneAsync([soft], Cancellation);
        var end = HourOf(_time.GetUtcNow()).AddHours(1);
        Assert.Equal(end, await _store.BudgetEvents.NextDueAsync(Cancellation));
        _time.Advance(TimeSpan.FromHours(1));
        var reset = Assert.Single(await _store.BudgetEvents.TakeDueAsync(10, TimeSpan.FromMinutes(1), Cancellation));
        Assert.Equal((BudgetHappeningKind.Reset, end, 0L), (reset.Happening.Kind, reset.Happening.At, reset.Happening.Spent));
    }

    [Fact]
    public async Task A_raise_is_queued_with_the_change_that_gives_it_and_with_the_one_that_takes_it_back()
    {
        var actor = new Actor("zoe", "person", "127.0.0.1");
        var rung = 0;
        _store.BudgetEvents.Added = () => rung++;
        await _store.CreateAsync(Budget(100), actor, Cancellation);
        var raise = new RaiseOptions { Usd = new Nanodollars(1_500_000_000), Until = _time.GetUtcNow().AddDays(1) };
        await _store.ReplaceAsync(Budget(100) with { Raises = [raise] }, null, actor, Cancellation);
        await _store.ReplaceAsync(Budget(100) with { Raises = [raise], Contact = "#ai" }, null, actor, Cancellation);
        await _store.ReplaceAsync(Budget(100), null, actor, Cancellation);
        var queued = await _store.BudgetEvents.TakeDueAsync(10, TimeSpan.FromMinutes(1), Cancellation);
        Assert.Equal(
            [("$1.50 given until 2026-11-26T12:00:00Z by zoe", 1_500_000_100L), ("$1.50 until 2026-11-26T12:00:00Z taken back by zoe", 100L)],
            queued.Select(static taken => (taken.Happening.Note, taken.Happening.Limit!.Value)));
        Assert.True(rung >= 2);
        Assert.Empty(await _store.Deliveries.TakeDueAsync(10, TimeSpan.FromMinutes(1), Cancellation));
        Assert.Empty((await _store.Deliveries.DeliveriesAsync(null, null, 10, Cancellation)).Items);
    }

    [Fact]
    public async Task What_is_done_is_remembered_until_its_window_is_over()
    {
        var happening = new BudgetHappening { At = _time.GetUtcNow(), Kind = BudgetHappeningKind.Soft, Budget = "b" };
        var month = new QueuedHappening("month", _time.GetUtcNow().AddDays(30), null, happening);
        var ever = new QueuedHappening("ever", DateTimeOffset.MaxValue, null, happening);
        Assert.Equal(2, await _store.BudgetEvents.AddAsync([month, ever, month], Cancellation));
        Assert.Equal(0, await _store.BudgetEvents.AddAsync([ever, month], Cancellation));
        await _store.BudgetEvents.MarkDoneAsync(await _store.BudgetEvents.TakeDueAsync(10, TimeSpan.FromMinutes(1), Cancellation), Cancellation);
        Assert.Null(await _store.BudgetEvents.NextDueAsync(Cancellation));
        Assert.Equal(0, await _store.BudgetEvents.ForgetAsync(_time.GetUtcNow().AddDays(29), Cancellation));
        Assert.Equal(0, await _store.Deliveries.ForgetDeliveriesAsync(_time.GetUtcNow().AddDays(90), Cancellation));
        Assert.Equal(1, await _store.BudgetEvents.ForgetAsync(_time.GetUtcNow().AddDays(31), Cancellation));
        Assert.Equal(0, await _store.BudgetEvents.AddAsync([ever], Cancellation));
    }

    private (AdmissionBook Book, BudgetRecorder Recorder) Start(long limit)
    {
        var book = new AdmissionBook(_time, null) { Journal = new BudgetJournal() };
        book.Apply([Budget(limit)], []);
        return (book, new BudgetRecorder(book.Journal, _store.BudgetEvents, _time, new RecordedLog<BudgetRecorder>()));
    }

    private static void Spend(AdmissionBook book, long amount)
    {
        var lease = book.Rent();
        book.Begin(lease);
        book.Settle(lease, Ann, new SpendAmount(amount, 0, 0, 0), place: 0);
        book.Return(lease);
    }

    private static DateTimeOffset HourOf(DateTimeOffset time) => new(time.Ticks / TimeSpan.TicksPerHour * TimeSpan.TicksPerHour, TimeSpan.Zero);

    private static BudgetOptions Budget(long limit) =>
        new() { Id = "hours", Scope = ScopeKind.Team, Value = "search", LimitUsd = new Nanodollars(limit), Window = "hour", Thresholds = [50, 80], Mode = BudgetMode.Watch };
}
