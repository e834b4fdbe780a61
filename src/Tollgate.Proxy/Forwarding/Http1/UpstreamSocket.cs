using System.Net.Sockets;
using Tollgate.Proxy.EventLoops;

namespace Tollgate.Proxy.Forwarding.Http1;

/// <summary>A connected socket to an upstream: of the loop that the request runs on, or .NET's where it runs on none.</summary>
internal abstract class UpstreamSocket : IDisposable
{
    /// <summary>Whose it is; null for .NET's.</summary>
    public abstract EventLoop? Loop { get; }

    /// <summary>Whether nothing has come and nothing has ended, as far as this host knows by now.</summary>
    public abstract bool IsQuiet { get; }

    /// <summary>Sends all of <paramref name="bytes"/>.</summary>
    public abstract ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>Reads what arrives next; 0 at the peer's end.</summary>
    public abstract ValueTask<int> ReceiveAsync(Memory<byte> into, CancellationToken cancellationToken);

    /// <summary>For TLS to stand on.</summary>
    public abstract Stream AsStream();

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>One of .NET's.</summary>
    internal sealed class OfThreadPool(Socket socket) : UpstreamSocket
    {
        public override EventLoop? Loop => null;

        public override bool IsQuiet => !socket.Poll(0, SelectMode.SelectRead);

        public override ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
        {
            var sending = socket.SendAsync(bytes, SocketFlags.None, cancellationToken);
            if (sending.IsCompletedSuccessfully)
            {
                _ = sending.GetAwaiter().GetResult();
                return ValueTask.CompletedTask;
            }

            return new ValueTask(sending.AsTask());
        }

        public override ValueTask<int> ReceiveAsync(Memory<byte> into, CancellationToken cancellationToken) => socket.ReceiveAsync(into, SocketFlags.None, cancellationToken);

        public override Stream AsStream() => new NetworkStream(socket, ownsSocket: false);

        public override void Dispose() => socket.Dispose();
    }

    /// <summary>One of a loop. It knows no tokens: <see cref="Http1Connection.Break"/> is what ends a request that was cancelled.</summary>
    internal sealed class OfLoop(LoopSocket socket) : UpstreamSocket
    {
        public override EventLoop? Loop => socket.Loop;

        public override bool IsQuiet => socket.IsQuiet;

        public override ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) => socket.SendAsync(bytes);

        public override ValueTask<int> ReceiveAsync(Memory<byte> into, CancellationToken cancellationToken) => socket.ReceiveAsync(into);

        public override Stream AsStream() => new LoopStream(socket);

        public override void Dispose() => socket.Dispose();
    }
}
