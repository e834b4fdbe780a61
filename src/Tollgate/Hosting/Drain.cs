using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Connections.Features;

namespace Tollgate.Hosting;

/// <summary>How the proxy listener stops: nothing new is accepted, what is under way ends by itself, and what does not is cut.</summary>
/// <remarks>
/// An HTTP/1.1 server that closes an idle connection may cross a request on its way there, which then fails though nobody did anything
/// wrong. So a stop closes no connection before a second has passed without a request on any of them: until then each answer says
/// <c>Connection: close</c> (GOAWAY in HTTP/2), and a client that is busy has left by itself. Kestrel alone closes idle connections at once.
/// </remarks>
internal sealed class Drain(TimeProvider time) : IDisposable
{
    /// <summary>How long no request must have come or ended before idle connections are closed: long enough for a program's next call.</summary>
    public static readonly TimeSpan Quiet = TimeSpan.FromSeconds(1);

    /// <summary>How long what was cut may take to reach its client; a client that reads nothing is then disconnected.</summary>
    public static readonly TimeSpan CutTimeout = TimeSpan.FromSeconds(5);

    // A stop looks so often whether it is quiet, which is cheaper than telling it of every request's end for as long as the gateway runs.
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(20);

    private readonly CancellationTokenSource _cut = new();
    private volatile bool _hasBegun;
    private int _connections;
    private int _requests;
    private long _lastMoved;

    /// <summary>Whether the gateway is stopping.</summary>
    public bool HasBegun => _hasBegun;

    /// <summary>Fires when what is still under way must end.</summary>
    public CancellationToken Cut => _cut.Token;

    /// <summary>The stop has begun: answers let go of their connections from here on.</summary>
    public void Begin() => _hasBegun = true;

    /// <summary>Stops the proxy. Returns when every request has ended, by itself or cut.</summary>
    /// <param name="proxy">The server, whose listeners are <see cref="DrainingTransport"/>'s.</param>
    /// <param name="limit">How long requests may go on; then they are cut.</param>
    /// <param name="hurry">Cuts them at once.</param>
    public async Task StopAsync(IHost proxy, TimeSpan limit, CancellationToken hurry)
    {
        Begin();
        using var abandon = new CancellationTokenSource();
        await using var afterwards = _cut.Token.UnsafeRegister(static source => ((CancellationTokenSource)source!).CancelAfter(CutTimeout), abandon);
        await using var hurried = hurry.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), _cut);
        _cut.CancelAfter(limit);
        await proxy.StopAsync(abandon.Token);
    }

    /// <summary>Returns when all connections have ended or none has seen a request for <see cref="Quiet"/>; at the latest when requests are cut.</summary>
    /// <param name="giveUp">Returns at once: the server is disposed of without a stop, as after a start that failed.</param>
    public async Task UntilQuietAsync(CancellationToken giveUp)
    {
        using var timer = new PeriodicTimer(LookInterval, time);
        while (!IsQuiet() && !_cut.IsCancellationRequested && !giveUp.IsCancellationRequested)
        {
            await timer.WaitForNextTickAsync(CancellationToken.None);
        }

        bool IsQuiet() => Volatile.Read(ref _connections) == 0
            || (Volatile.Read(ref _requests) == 0 && time.GetElapsedTime(Volatile.Read(ref _lastMoved)) >= Quiet);
    }

    /// <summary>A connection was accepted; it is counted until <see cref="ConnectAsync"/> has served it.</summary>
    public void Accepted()
    {
        Volatile.Write(ref _lastMoved, time.GetTimestamp());
        Interlocked.Increment(ref _connections);
    }

    /// <summary>Connection middleware: serves a connection that was <see cref="Accepted"/>.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="next">Serves it.</param>
    /// <param name="mayMove">Whether it may change event loops between requests.</param>
    public async Task ConnectAsync(ConnectionContext connection, ConnectionDelegate next, bool mayMove = false)
    {
        try
        {
            if (connection is LoopConnection own)
            {
                // Awaited here and not by a method of its own, which may have ended before it is awaited: then this would go on where it is.
                await own.Loop.EnterAsync();
                own.Begin(mayMove);
            }

            await next(connection);
        }
        finally
        {
            Interlocked.Decrement(ref _connections);
        }
    }

    /// <summary>Middleware: counts the request while it is served, and has its answer let go of the connection once the stop has begun.</summary>
    public async Task ServeAsync(HttpContext context, RequestDelegate next)
    {
        Interlocked.Increment(ref _requests);
        try
        {
            // As late as can be: the stop may begin while the upstream thinks.
            context.Response.OnStarting(LetGoAsync, context);
            await next(context);
        }
        finally
        {
            Volatile.Write(ref _lastMoved, time.GetTimestamp());
            Interlocked.Decrement(ref _requests);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _cut.Dispose();

    private Task LetGoAsync(object context)
    {
        if (_hasBegun)
        {
            ((HttpContext)context).Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        }

        return Task.CompletedTask;
    }
}
