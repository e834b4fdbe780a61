using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Tollgate.LoadTest.Polling;

/// <summary>What a socket said.</summary>
internal enum Transfer
{
    /// <summary>Bytes moved.</summary>
    Moved,

    /// <summary>Not now; the poll will say when.</summary>
    Later,

    /// <summary>The other side has ended it.</summary>
    Closed,
}

/// <summary>Waits for sockets on one thread, edge-triggered: a socket that was said to be ready is read until it has no more.</summary>
internal sealed unsafe class SocketPoll : IDisposable
{
    private const int MaxEvents = 512;

    // struct epoll_event is packed on x64 alone.
    private static readonly int EventBytes = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 12 : 16;
    private static readonly int TokenOffset = EventBytes - 8;

    private readonly int _poll = Native.CreatePoll(0) is >= 0 and var poll ? poll : throw new Win32Exception();
    private readonly byte[] _events = new byte[MaxEvents * 16];

    /// <summary>Timers of the calling thread fire when they are due, not up to 50 µs later.</summary>
    public static void FireTimersOnTime() => _ = Native.ProcessControl(Native.SetTimerSlack, 1, 0, 0, 0);

    /// <summary>Watches a socket for both directions; <paramref name="token"/> names it.</summary>
    public void Add(int socket, int token)
    {
        var change = stackalloc byte[16];
        var bytes = new Span<byte>(change, 16);
        bytes.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, Native.In | Native.Out | Native.EdgeTriggered);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[TokenOffset..], token);
        if (Native.ControlPoll(_poll, Native.ControlAdd, socket, change) != 0)
        {
            throw new Win32Exception();
        }
    }

    /// <summary>Waits until a socket is ready, or for <paramref name="nanoseconds"/>.</summary>
    /// <returns>How many are; <see cref="TokenOf"/> and <see cref="IsReadable"/> tell which.</returns>
    public int Wait(long nanoseconds)
    {
        var timeout = stackalloc long[] { nanoseconds / 1_000_000_000, nanoseconds % 1_000_000_000 };
        fixed (byte* events = _events)
        {
            // An interrupted wait is a wait that found nothing.
            return Math.Max(0, Native.WaitPoll(_poll, events, MaxEvents, timeout, null));
        }
    }

    /// <summary>Whose event it is.</summary>
    public int TokenOf(int index) => BinaryPrimitives.ReadInt32LittleEndian(_events.AsSpan((index * EventBytes) + TokenOffset));

    /// <summary>Whether there is something to read, an end included.</summary>
    public bool IsReadable(int index) => (BinaryPrimitives.ReadUInt32LittleEndian(_events.AsSpan(index * EventBytes)) & ~Native.Out) != 0;

    /// <summary>Sends what fits.</summary>
    public static Transfer Send(int socket, ReadOnlySpan<byte> bytes, out int sent)
    {
        fixed (byte* start = bytes)
        {
            sent = (int)Native.Send(socket, start, bytes.Length, Native.DontWait | Native.NoSignal);
        }

        return sent >= 0 ? Transfer.Moved : Marshal.GetLastPInvokeError() == Native.Again ? Transfer.Later : Transfer.Closed;
    }

    /// <summary>Receives what is there.</summary>
    public static Transfer Receive(int socket, Span<byte> buffer, out int received)
    {
        fixed (byte* start = buffer)
        {
            received = (int)Native.Receive(socket, start, buffer.Length, Native.DontWait);
        }

        return received > 0 ? Transfer.Moved : received < 0 && Marshal.GetLastPInvokeError() == Native.Again ? Transfer.Later : Transfer.Closed;
    }

    /// <summary>Accepts a connection; false when none waits.</summary>
    public static bool TryAccept(int listener, out int socket)
    {
        socket = Native.Accept(listener, null, null, Native.AcceptNonBlocking | Native.AcceptCloseOnExec);
        if (socket < 0)
        {
            return false;
        }

        var yes = 1;
        _ = Native.SetOption(socket, Native.TcpLevel, Native.TcpNoDelay, &yes, sizeof(int));
        return true;
    }

    /// <summary>Closes a socket that <see cref="TryAccept"/> gave.</summary>
    public static void Close(int socket) => _ = Native.Close(socket);

    /// <inheritdoc/>
    public void Dispose() => _ = Native.Close(_poll);
}
