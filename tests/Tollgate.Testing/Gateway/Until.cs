using System.Diagnostics;

namespace Tollgate.Testing.Gateway;

/// <summary>Waits for what another process does, which no event tells.</summary>
public static class Until
{
    /// <summary>Looks again every 20 ms until <paramref name="condition"/> holds.</summary>
    /// <returns>How long it took.</returns>
    /// <exception cref="TimeoutException">It did not hold in time.</exception>
    public static Task<TimeSpan> TrueAsync(Func<bool> condition, TimeSpan limit, string what, CancellationToken cancellationToken) =>
        TrueAsync(() => Task.FromResult(condition()), limit, what, cancellationToken);

    /// <inheritdoc cref="TrueAsync(Func{bool}, TimeSpan, string, CancellationToken)"/>
    public static async Task<TimeSpan> TrueAsync(Func<Task<bool>> condition, TimeSpan limit, string what, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(20));
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(started) > limit)
            {
                throw new TimeoutException($"Not within {limit}: {what}");
            }

            await timer.WaitForNextTickAsync(cancellationToken);
        }

        return Stopwatch.GetElapsedTime(started);
    }
}
