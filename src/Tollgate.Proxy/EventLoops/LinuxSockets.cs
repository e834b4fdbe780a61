using System.Buffers.Binary;
using System.ComponentModel;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Tollgate.Proxy.EventLoops;

/// <summary>The calls of Linux that an event loop is made of. Sources: epoll(7), eventfd(2), socket(2), tcp(7).</summary>
internal static unsafe partial class LinuxSockets
{
    /// <summary>epoll: there is something to read, a connection to accept, or an end.</summary>
    public const uint Readable = 0x1;

    /// <summary>epoll: there is room to write, or a connection was made.</summary>
    public const uint Writable = 0x4;

    /// <summary>epoll: an error, the end of both directions, or of the peer's.</summary>
    public const uint Ended = 0x8 | 0x10 | 0x2000;

    /// <summary>errno: there is nothing to read, or no room to write.</summary>
    public const int WouldBlock = 11;

    /// <summary>errno: a signal came first.</summary>
    public const int Interrupted = 4;

    private const uint EdgeTriggered = 1u << 31;
    private const int CloseOnExec = 0x80000;
    private const int NonBlocking = 0x800;
    private const int Stream = 1;
    private const int NoSignal = 0x4000;
    private const int InProgress = 115;
    private const int TcpLevel = 6;
    private const int NoDelay = 1;
    private const int SocketLevel = 1;
    private const int SocketError = 4;
    private const int Linger = 13;
    private const short PollIn = 1;
    private const short PollReadHangUp = 0x2000;

    // struct epoll_event is packed on x86-64, and only there.
    private static readonly int DataOffset = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? 4 : 8;

    /// <summary>Bytes of one event.</summary>
    public static readonly int EventBytes = DataOffset + 8;

    /// <summary>Makes an epoll instance.</summary>
    public static int CreateEpoll() => Checked(EpollCreate(CloseOnExec), "epoll_create1");

    /// <summary>Makes a counter that wakes who waits for it.</summary>
    public static SafeFileHandle CreateWaker() => new(Checked(EventFd(0, CloseOnExec | NonBlocking), "eventfd"), ownsHandle: true);

    /// <summary>Watches <paramref name="descriptor"/> for every change of what can be done with it; each is told once.</summary>
    public static void Watch(int epoll, int descriptor, ulong data)
    {
        Span<byte> watched = stackalloc byte[16];
        BinaryPrimitives.WriteUInt32LittleEndian(watched, Readable | Writable | 0x2000 | EdgeTriggered);
        BinaryPrimitives.WriteUInt64LittleEndian(watched[DataOffset..], data);
        fixed (byte* at = watched)
        {
            _ = Checked(EpollControl(epoll, 1, descriptor, at), "epoll_ctl");
        }
    }

    /// <summary>Ends <see cref="Watch"/>. Closing the descriptor does so too.</summary>
    public static void Unwatch(int epoll, int descriptor)
    {
        var unused = stackalloc byte[16];
        _ = EpollControl(epoll, 2, descriptor, unused);
    }

    /// <summary>Waits for events; returns how many there are. Without a limit when <paramref name="milliseconds"/> is -1.</summary>
    public static int Wait(int epoll, byte[] events, int milliseconds)
    {
        fixed (byte* at = events)
        {
            var count = EpollWait(epoll, at, events.Length / EventBytes, milliseconds);
            return count >= 0 || Marshal.GetLastPInvokeError() == Interrupted ? Math.Max(count, 0) : Checked(count, "epoll_wait");
        }
    }

    /// <summary>Takes an event apart.</summary>
    public static (uint What, ulong Data) EventAt(byte[] events, int index)
    {
        var bytes = events.AsSpan(index * EventBytes, EventBytes);
        return (BinaryPrimitives.ReadUInt32LittleEndian(bytes), BinaryPrimitives.ReadUInt64LittleEndian(bytes[DataOffset..]));
    }

    /// <summary>Wakes who waits for <paramref name="waker"/>; nobody, once it is closed.</summary>
    public static void Wake(SafeFileHandle waker)
    {
        var one = 1ul;
        try
        {
            _ = Write(waker, &one, sizeof(ulong));
        }
        catch (ObjectDisposedException)
        {
            // Its loop ended in between, and looks at what was posted a last time by itself.
        }
    }

    /// <summary>Reads what is there; 0 at the peer's end, the negative errno when it can't.</summary>
    public static int Receive(int descriptor, Span<byte> into)
    {
        fixed (byte* at = into)
        {
            nint count;
            do
            {
                count = Recv(descriptor, at, (nuint)into.Length, 0);
            }
            while (count < 0 && Marshal.GetLastPInvokeError() == Interrupted);
            return count < 0 ? -Marshal.GetLastPInvokeError() : (int)count;
        }
    }

    /// <summary>Sends what there is room for; the negative errno when it can't.</summary>
    public static int Send(int descriptor, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* at = bytes)
        {
            nint count;
            do
            {
                count = Send(descriptor, at, (nuint)bytes.Length, NoSignal);
            }
            while (count < 0 && Marshal.GetLastPInvokeError() == Interrupted);
            return count < 0 ? -Marshal.GetLastPInvokeError() : (int)count;
        }
    }

    /// <summary>Whether a read would return at once: with bytes, an end or an error.</summary>
    public static bool HasSomethingToRead(int descriptor)
    {
        var polled = new PollDescriptor { Descriptor = descriptor, Wanted = PollIn | PollReadHangUp };
        return Poll(&polled, 1, 0) != 0;
    }

    /// <summary>Takes the next connection from a listening socket; the negative errno when there is none.</summary>
    public static int Accept(int listener, out IPEndPoint? peer)
    {
        Span<byte> address = stackalloc byte[128];
        var length = (uint)address.Length;
        int accepted;
        fixed (byte* at = address)
        {
            accepted = Accept4(listener, at, &length, CloseOnExec | NonBlocking);
        }

        if (accepted < 0)
        {
            peer = null;
            return -Marshal.GetLastPInvokeError();
        }

        peer = EndPointOf(address[..(int)length]);
        return accepted;
    }

    /// <summary>This end's address.</summary>
    public static IPEndPoint? LocalEndPoint(int descriptor)
    {
        Span<byte> address = stackalloc byte[128];
        var length = (uint)address.Length;
        fixed (byte* at = address)
        {
            return GetSocketName(descriptor, at, &length) == 0 ? EndPointOf(address[..(int)length]) : null;
        }
    }

    /// <summary>Begins to connect; <see cref="Writable"/> tells when it is done, <see cref="ErrorOf"/> how it went.</summary>
    /// <exception cref="IOException">It failed at once.</exception>
    public static int BeginConnect(IPEndPoint to)
    {
        var descriptor = CheckedIo(NewSocket(to.AddressFamily == AddressFamily.InterNetworkV6 ? 10 : 2, Stream | CloseOnExec | NonBlocking, 0), "socket");
        SetNoDelay(descriptor);
        var address = to.Serialize();
        fixed (byte* at = address.Buffer.Span)
        {
            if (Connect(descriptor, at, (uint)address.Size) != 0 && Marshal.GetLastPInvokeError() is not (InProgress or Interrupted))
            {
                var error = Marshal.GetLastPInvokeError();
                _ = Close(descriptor);
                throw Failed("connect", error);
            }
        }

        return descriptor;
    }

    /// <summary>The error that a connection ran into; 0 when none. Forgotten by asking.</summary>
    public static int ErrorOf(int descriptor)
    {
        int error;
        uint length = sizeof(int);
        return GetSocketOption(descriptor, SocketLevel, SocketError, &error, &length) == 0 ? error : Marshal.GetLastPInvokeError();
    }

    /// <summary>Sends small writes at once.</summary>
    public static void SetNoDelay(int descriptor)
    {
        var on = 1;
        _ = SetSocketOption(descriptor, TcpLevel, NoDelay, &on, sizeof(int));
    }

    /// <summary>Has the close throw away what was not sent, and tell the peer by a reset.</summary>
    public static void SetReset(int descriptor)
    {
        // struct linger: on, no seconds.
        var linger = stackalloc int[2] { 1, 0 };
        _ = SetSocketOption(descriptor, SocketLevel, Linger, linger, 2 * sizeof(int));
    }

    /// <summary>Tells the peer that nothing more comes, and reads nothing more.</summary>
    public static void ShutDown(int descriptor) => _ = Shutdown(descriptor, 2);

    /// <summary>Closes it.</summary>
    public static void CloseDescriptor(int descriptor) => _ = Close(descriptor);

    /// <summary>What a failed call is told as.</summary>
    public static IOException Failed(string call, int error) => new($"{call}: {Marshal.GetPInvokeErrorMessage(error)} (errno {error})");

    private static IPEndPoint? EndPointOf(ReadOnlySpan<byte> address)
    {
        var family = BinaryPrimitives.ReadUInt16LittleEndian(address) switch { 2 => AddressFamily.InterNetwork, 10 => AddressFamily.InterNetworkV6, _ => AddressFamily.Unspecified };
        if (family == AddressFamily.Unspecified)
        {
            return null;
        }

        var read = new SocketAddress(family, address.Length);
        address.CopyTo(read.Buffer.Span);
        return (IPEndPoint)new IPEndPoint(IPAddress.Any, 0).Create(read);
    }

    private static int Checked(int result, string call) =>
        result >= 0 ? result : throw new Win32Exception(Marshal.GetLastPInvokeError(), $"{call}: {Marshal.GetLastPInvokeErrorMessage()}");

    private static int CheckedIo(int result, string call) => result >= 0 ? result : throw Failed(call, Marshal.GetLastPInvokeError());

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Wanted;
        public short Found;
    }

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int EpollCreate(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int EpollControl(int epoll, int operation, int descriptor, byte* what);

    [LibraryImport("libc", EntryPoint = "epoll_wait", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int EpollWait(int epoll, byte* events, int most, int milliseconds);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Write(SafeFileHandle descriptor, void* bytes, nuint count);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Recv(int descriptor, byte* into, nuint count, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Send(int descriptor, byte* bytes, nuint count, int flags);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Poll(PollDescriptor* descriptors, nuint count, int milliseconds);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Accept4(int listener, byte* address, uint* length, int flags);

    [LibraryImport("libc", EntryPoint = "getsockname", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int GetSocketName(int descriptor, byte* address, uint* length);

    [LibraryImport("libc", EntryPoint = "socket", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int NewSocket(int family, int type, int protocol);

    [LibraryImport("libc", EntryPoint = "connect", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Connect(int descriptor, byte* address, uint length);

    [LibraryImport("libc", EntryPoint = "getsockopt", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int GetSocketOption(int descriptor, int level, int option, void* value, uint* length);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetSocketOption(int descriptor, int level, int option, void* value, uint length);

    [LibraryImport("libc", EntryPoint = "shutdown", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Shutdown(int descriptor, int how);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Close(int descriptor);
}
