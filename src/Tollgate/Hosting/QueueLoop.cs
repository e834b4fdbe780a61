using System.Threading.Channels;
using Tollgate.Control;

namespace Tollgate.Hosting;

/// <summary>What is done with a queue of the control store.</summary>
/// <param name="NextDueAsync">When the next is due; null for none. To look must take no lock: an idle queue is never written.</param>
/// <param name="DoDueAsync">Does some of what is due now.</param>
/// <param name="ForgetAsync">Forgets what was done before a time.</param>
/// <param name="ForgottenAfter">How long what was done is remembered.</param>
/// <param name="OnAway">Told when the control store is away; it is tried again.</param>
internal sealed record QueueWork(
    Func<CancellationToken, Task<DateTimeOffset?>> NextDueAsync,
    Func<CancellationToken, Task> DoDueAsync,
    Func<DateTimeOffset, CancellationToken, Task> ForgetAsync,
    TimeSpan ForgottenAfter,
    Action<ControlUnavailableException> OnAway);

/// <summary>Works on a queue as soon as something in it is due or something new is in it, so that nobody has to look again and again.</summary>
/// <remarks>One runs; anybody may ring. What another process adds and does not take itself, because it ended, is found within <see cref="Longest"/>.</remarks>
internal sealed class QueueLoop(TimeProvider time)
{
    /// <summary>The longest wait.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan PauseWhenAway = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan ForgetEvery = TimeSpan.FromHours(1);

    private readonly Channel<bool> _bell = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Ends the wait under way, or else the next one at once.</summary>
    public void Ring() => _bell.Writer.TryWrite(true);

    /// <summary>Works until it is stopped; what is queued then is for the next start.</summary>
    public async Task RunAsync(QueueWork work, CancellationToken stopping)
    {
        var forgetAt = time.GetUtcNow();
        try
        {
            while (true)
            {
                await UntilAsync(await WorkAsync(), stopping);
            }
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            // As asked.
        }

        async Task<DateTimeOffset?> WorkAsync()
        {
            try
            {
                DateTimeOffset? next;
                while ((next = await work.NextDueAsync(stopping)) <= time.GetUtcNow())
                {
                    await work.DoDueAsync(stopping);
                }

                if (time.GetUtcNow() >= forgetAt)
                {
                    await work.ForgetAsync(time.GetUtcNow() - work.ForgottenAfter, stopping);
                    forgetAt = time.GetUtcNow() + ForgetEvery;
                }

                return next;
            }
            catch (ControlUnavailableException away)
            {
                work.OnAway(away);
                return time.GetUtcNow() + PauseWhenAway;
            }
        }
    }

    private async Task UntilAsync(DateTimeOffset? next, CancellationToken cancellation)
    {
        var pause = next - time.GetUtcNow() is { } left && left < Longest ? left : Longest;
        if (pause > TimeSpan.Zero)
        {
            using var over = new CancellationTokenSource(pause + TimeSpan.FromMilliseconds(1), time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(over.Token, cancellation);
            try
            {
                await _bell.Reader.WaitToReadAsync(either.Token);
            }
            catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
            {
                // The time is up.
            }
        }

        _bell.Reader.TryRead(out _);
    }
}
