using Tollgate.Demo.History;
using Tollgate.Demo.Team;

namespace Tollgate.Demo.Live;

/// <summary>Everybody at work at once: each developer has one session after the other, and now and then one runs away.</summary>
/// <param name="client">Sends.</param>
/// <param name="seed">What the sessions follow from.</param>
/// <param name="speed">How many times faster than life.</param>
/// <param name="time">The clock.</param>
internal sealed class LiveTraffic(LiveClient client, ulong seed, double speed, TimeProvider time)
{
    // Nobody watches a demo to see people think.
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(12);

    // Whoever was refused asks around first, and then tries again.
    private static readonly TimeSpan AfterRefusal = TimeSpan.FromSeconds(40);

    // A loop waits for nobody, and is to reach its budget while somebody watches.
    private const int RunawayFaster = 3;

    // Claude Code stops at the first refusal; a loop around it does not.
    private const int RefusalsOfRunaway = 8;

    /// <summary>What the developers have seen.</summary>
    public TrafficCounts Counts { get; } = new();

    /// <summary>Works until <paramref name="cancellationToken"/> fires, and returns once nothing is under way.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var chance = new Chance(seed).For("live");
        var everybody = DemoTeam.Developers.Where(static developer => developer.LeavesOnDay >= DemoHistory.DefaultDays).Select(developer => WorkAsync(chance.For(developer.Name), developer, cancellationToken));
        await Task.WhenAll([.. everybody, RunAwayAsync(chance.For("runaway"), cancellationToken)]);
    }

    private async Task WorkAsync(Chance chance, Developer developer, CancellationToken cancellationToken)
    {
        for (var number = 0; !cancellationToken.IsCancellationRequested; number++)
        {
            var own = chance.For(number);
            await PauseAsync(TimeSpan.FromSeconds(10 * own.Part()), speed, cancellationToken);
            var now = time.GetUtcNow();

            // A while of overload every so often, so that retries can be seen.
            var storm = own.Is(0.15) ? new Weather([(now, now.AddMinutes(3))]) : new Weather([]);
            if (!await PlayAsync(SessionScript.Write(own, developer, now, storm), refusals: 1, speed, cancellationToken))
            {
                await DelayAsync(AfterRefusal / speed, cancellationToken);
            }
        }
    }

    private async Task RunAwayAsync(Chance chance, CancellationToken cancellationToken)
    {
        var developer = DemoTeam.Developers.Single(static developer => developer.Name == DemoTeam.Runaway);
        for (var number = 0; !cancellationToken.IsCancellationRequested; number++)
        {
            var session = SessionScript.WriteRunaway(chance.For(number), developer, time.GetUtcNow(), TimeSpan.FromHours(2), refusals: 0);
            await PlayAsync(session, RefusalsOfRunaway, speed * RunawayFaster, cancellationToken);
            await DelayAsync(AfterRefusal / speed, cancellationToken);
        }
    }

    /// <summary>Sends a session's attempts one after the other, until it ends or was refused so many times.</summary>
    /// <returns>Whether it came to its end; false when a budget stopped it, or the demo's end.</returns>
    private async Task<bool> PlayAsync(Session session, int refusals, double pace, CancellationToken cancellationToken)
    {
        var last = TimeSpan.Zero;
        foreach (var call in session.Calls)
        {
            await PauseAsync(call.At - last, pace, cancellationToken);
            if (cancellationToken.IsCancellationRequested)
            {
                return false;
            }

            last = call.At + call.Duration;
            Counts.CountSent();
            CallResult result;
            try
            {
                result = await client.SendAsync(session, call, pace, cancellationToken);
            }
            catch (OperationCanceledException)
            {
                return false;
            }

            Counts.CountEnd(result);
            if (result == CallResult.Refused && --refusals == 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Waits as long as <paramref name="length"/> takes at this pace, if it is not long; returns early at the end.</summary>
    private Task PauseAsync(TimeSpan length, double pace, CancellationToken cancellationToken) =>
        DelayAsync((length < LongestPause ? length : LongestPause) / pace, cancellationToken);

    private Task DelayAsync(TimeSpan pause, CancellationToken cancellationToken) => pause <= TimeSpan.Zero
        ? Task.CompletedTask
        : Task.Delay(pause, time, cancellationToken).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
}
