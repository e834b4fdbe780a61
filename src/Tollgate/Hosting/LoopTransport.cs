using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Connections;
using Tollgate.Proxy.EventLoops;

namespace Tollgate.Hosting;

/// <summary>Listens on TCP addresses and handed-over sockets, and serves what connects on event loops instead of the thread pool.</summary>
internal sealed class LoopTransport(EventLoopGroup loops, int backlog, TimeProvider time) : IConnectionListenerFactory, IConnectionListenerFactorySelector
{
    /// <inheritdoc/>
    public bool CanBind(EndPoint endpoint) => endpoint is IPEndPoint or FileHandleEndPoint;

    /// <inheritdoc/>
    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default)
    {
        var socket = endpoint is FileHandleEndPoint file
            ? new Socket(new SafeSocketHandle((nint)file.FileHandle, ownsHandle: false))
            : Bind((IPEndPoint)endpoint);

        // accept(2) must not wait on the loop's thread, also not for a connection that was taken back in between.
        socket.Blocking = false;
        return ValueTask.FromResult<IConnectionListener>(new Listener(socket, endpoint, new LoopAcceptor(loops, (int)socket.SafeHandle.DangerousGetHandle(), time)));
    }

    private Socket Bind(IPEndPoint endpoint)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endpoint.Address.Equals(IPAddress.IPv6Any))
            {
                socket.DualMode = true;
            }

            socket.Bind(endpoint);
            socket.Listen(backlog);
            return socket;
        }
        catch (SocketException failed)
        {
            socket.Dispose();
            throw failed.SocketErrorCode == SocketError.AddressAlreadyInUse ? new AddressInUseException(failed.Message, failed) : failed;
        }
    }

    private sealed class Listener(Socket socket, EndPoint endpoint, LoopAcceptor acceptor) : IConnectionListener
    {
        public EndPoint EndPoint { get; } = endpoint is FileHandleEndPoint ? endpoint : socket.LocalEndPoint ?? endpoint;

        public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
            await acceptor.Accepted.WaitToReadAsync(cancellationToken) && acceptor.Accepted.TryRead(out var accepted) ? new LoopConnection(accepted) : null;

        public async ValueTask UnbindAsync(CancellationToken cancellationToken = default)
        {
            await acceptor.StopAsync();
            socket.Dispose();
        }

        public ValueTask DisposeAsync() => UnbindAsync();
    }
}
