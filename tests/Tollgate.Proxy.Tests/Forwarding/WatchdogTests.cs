using Microsoft.Extensions.Time.Testing;
using Tollgate.Proxy.Forwarding;

namespace Tollgate.Proxy.Tests.Forwarding;

public sealed class WatchdogTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void A_step_that_takes_too_long_is_cancelled_and_named()
    {
        using var watchdog = new Watchdog(_time, CancellationToken.None, CancellationToken.None);
        watchdog.Arm(WatchedStep.UpstreamBody, TimeSpan.FromSeconds(10));

        _time.Advance(TimeSpan.FromSeconds(9.999));
        Assert.False(watchdog.Token.IsCancellationRequested);

        _time.Advance(TimeSpan.FromSeconds(0.001));
        Assert.True(watchdog.Token.IsCancellationRequested);
        Assert.Equal(WatchedStep.UpstreamBody, watchdog.Expired);
    }

    [Fact]
    public void Each_step_has_its_full_time_however_many_came_before()
    {
        using var watchdog = new Watchdog(_time, CancellationToken.None, CancellationToken.None);
        for (var frame = 0; frame < 100; frame++)
        {
            watchdog.Arm(WatchedStep.UpstreamBody, TimeSpan.FromSeconds(10));
            _time.Advance(TimeSpan.FromSeconds(9));
            watchdog.Arm(WatchedStep.ClientFlush, TimeSpan.FromSeconds(2));
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.False(watchdog.Token.IsCancellationRequested);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(WatchedStep.ClientFlush, watchdog.Expired);
    }

    [Fact]
    public void A_longer_step_after_a_shorter_one_is_not_cut_at_the_shorter_ones_end()
    {
        using var watchdog = new Watchdog(_time, CancellationToken.None, CancellationToken.None);
        watchdog.Arm(WatchedStep.ClientFlush, TimeSpan.FromSeconds(1));
        watchdog.Arm(WatchedStep.UpstreamBody, TimeSpan.FromSeconds(60));
        _time.Advance(TimeSpan.FromSeconds(59));
        Assert.False(watchdog.Token.IsCancellationRequested);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(WatchedStep.UpstreamBody, watchdog.Expired);
    }

    [Fact]
    public void Nobody_is_cancelled_while_disarmed()
    {
        using var watchdog = new Watchdog(_time, CancellationToken.None, CancellationToken.None);
        watchdog.Arm(WatchedStep.UpstreamHead, TimeSpan.FromSeconds(1));
        watchdog.Disarm();
        _time.Advance(TimeSpan.FromHours(1));
        Assert.False(watchdog.Token.IsCancellationRequested);

        watchdog.Arm(WatchedStep.UpstreamBody, TimeSpan.FromSeconds(1));
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(WatchedStep.UpstreamBody, watchdog.Expired);
    }

    [Fact]
    public void A_client_that_leaves_fires_the_token_without_an_expired_step()
    {
        using var client = new CancellationTokenSource();
        using var watchdog = new Watchdog(_time, client.Token, CancellationToken.None);
        watchdog.Arm(WatchedStep.UpstreamBody, TimeSpan.FromSeconds(1));
        client.Cancel();
        Assert.True(watchdog.Token.IsCancellationRequested);
        Assert.Equal(WatchedStep.None, watchdog.Expired);
    }

    [Fact]
    public void A_stop_of_the_gateway_is_told_apart_from_a_client_that_leaves()
    {
        using var client = new CancellationTokenSource();
        using var stop = new CancellationTokenSource();
        using var watchdog = new Watchdog(_time, client.Token, stop.Token);
        watchdog.Arm(WatchedStep.UpstreamBody, TimeSpan.FromSeconds(1));
        stop.Cancel();
        client.Cancel();
        Assert.True(watchdog.Token.IsCancellationRequested);
        Assert.Equal((true, WatchedStep.None), (watchdog.IsCut, watchdog.Expired));
    }

    [Fact]
    public void A_request_that_had_ended_otherwise_is_not_cut()
    {
        using var client = new CancellationTokenSource();
        using var stop = new CancellationTokenSource();
        using var left = new Watchdog(_time, client.Token, stop.Token);
        using var late = new Watchdog(_time, CancellationToken.None, stop.Token);
        late.Arm(WatchedStep.UpstreamBody, TimeSpan.FromSeconds(1));
        client.Cancel();
        _time.Advance(TimeSpan.FromSeconds(1));
        stop.Cancel();
        Assert.False(left.IsCut);
        Assert.Equal((false, WatchedStep.UpstreamBody), (late.IsCut, late.Expired));
    }

    [Fact]
    public void A_request_that_begins_after_the_cut_is_cut_at_once()
    {
        using var watchdog = new Watchdog(_time, CancellationToken.None, new CancellationToken(canceled: true));
        Assert.True(watchdog.Token.IsCancellationRequested);
        Assert.True(watchdog.IsCut);
    }
}
