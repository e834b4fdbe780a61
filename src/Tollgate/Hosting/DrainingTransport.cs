using System.Net;
using Microsoft.AspNetCore.Connections;

namespace Tollgate.Hosting;

/// <summary>A transport whose listeners stop accepting at once and let Kestrel close its connections only when <see cref="Drain"/> says so.</summary>
/// <remarks>
/// Kestrel stops a listener first and waits for it, then closes idle connections: the pause goes between the two. A listener on an inherited
/// socket is only let go of: neither shut down nor closed (strace, .NET 10.0), so those who connect wait for the next process to accept them.
/// </remarks>
internal sealed class DrainingTransport(IConnectionListenerFactory sockets, Drain drain) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    /// <inheritdoc/>
    public bool CanBind(EndPoint endpoint) => sockets is not IConnectionListenerFactorySelector selector || selector.CanBind(endpoint);

    /// <inheritdoc/>
    public async ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) =>
        new Listener(await sockets.BindAsync(endpoint, cancellationToken), drain);

    private sealed class Listener(IConnectionListener sockets, Drain drain) : IConnectionListener
    {
        private readonly TaskCompletionSource _acceptedLast = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public EndPoint EndPoint => sockets.EndPoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default)
        {
            ConnectionContext? accepted = null;
            try
            {
                accepted = await sockets.AcceptAsync(cancellationToken);
                return accepted;
            }
            finally
            {
                if (accepted is not null)
                {
                    // Here, and not when Kestrel comes to it: a connection must not be overlooked in between.
                    drain.Accepted();
                }
                else
                {
                    _acceptedLast.TrySetResult();
                }
            }
        }

        public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            // The socket has let go before the accept that was under way has told what it accepted.
            await sockets.UnbindAsync(cancellationToken);
            await _acceptedLast.Task;
            await drain.UntilQuietAsync(cancellationToken);
        }

        public ValueTask DisposeAsync() => sockets.DisposeAsync();
    }
}
