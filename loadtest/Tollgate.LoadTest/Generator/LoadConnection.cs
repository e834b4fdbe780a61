using System.Net.Sockets;
using Tollgate.LoadTest.Polling;
using Tollgate.LoadTest.Wire;

namespace Tollgate.LoadTest.Generator;

/// <summary>One client connection and the request on it.</summary>
/// <param name="token">Its place in its loop.</param>
/// <param name="request">The bytes it sends again and again.</param>
internal sealed class LoadConnection(int token, byte[] request)
{
    /// <summary>Not readonly: a struct that counts.</summary>
    public MessageReader Reader;

    /// <summary>Null after the other side ended it, until the next request.</summary>
    public Socket? Socket { get; set; }

    /// <summary>Null for plain TCP.</summary>
    public TlsSession? Tls { get; set; }

    /// <summary>The socket's descriptor, for calls without a lock.</summary>
    public int Descriptor { get; set; }

    /// <summary>Its place in its loop.</summary>
    public int Token => token;

    /// <summary>When the request was due.</summary>
    public long Due { get; private set; }

    /// <summary>Bytes of the request that were sent.</summary>
    public int Sent { get; set; }

    /// <summary>When the newest event came.</summary>
    public long LastFrame { get; set; }

    /// <summary>Whether a request is under way.</summary>
    public bool IsOpen { get; private set; }

    /// <summary>Whether some of it is still to be sent.</summary>
    public bool IsSending => IsOpen && Sent < request.Length;

    /// <summary>What is still to be sent.</summary>
    public ReadOnlySpan<byte> Unsent => request.AsSpan(Sent);

    /// <summary>Starts a request.</summary>
    public void Begin(long due)
    {
        Reader.Restart();
        (Due, Sent, IsOpen) = (due, 0, true);
    }

    /// <summary>Closes the connection.</summary>
    public void Close()
    {
        Tls?.Dispose();
        Socket?.Dispose();
        (Tls, Socket) = (null, null);
    }

    /// <summary>Sends what fits.</summary>
    public Transfer Send(out int sent) => Tls is null ? SocketPoll.Send(Descriptor, Unsent, out sent) : Tls.Send(Unsent, out sent);

    /// <summary>Receives what is there, or some of it.</summary>
    public Transfer Receive(Span<byte> buffer, out int received) => Tls is null ? SocketPoll.Receive(Descriptor, buffer, out received) : Tls.Receive(buffer, out received);

    /// <summary>Whether more may be there after a read: of TCP when the buffer was full, of TLS until it says there is none.</summary>
    public bool MayHaveMore(int received, int room) => Tls is not null || received == room;

    /// <summary>Ends it, however.</summary>
    public void End() => IsOpen = false;
}
