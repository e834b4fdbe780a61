using System.Runtime.InteropServices;

namespace Tollgate.LoadTest.Polling;

/// <summary>The system calls of one thread that serves hundreds of sockets.</summary>
/// <remarks>
/// .NET's own sockets hand every completion to a thread pool: two context switches for a request that costs one here. Beside a gateway on
/// two cores that would be most of the machine. Needs Linux 5.11 and glibc 2.35 (<c>epoll_pwait2</c>: waits in nanoseconds).
/// </remarks>
internal static unsafe partial class Native
{
    public const int Again = 11;
    public const int ControlAdd = 1;
    public const uint In = 0x1;
    public const uint Out = 0x4;
    public const uint EdgeTriggered = 1u << 31;
    public const int DontWait = 0x40;
    public const int NoSignal = 0x4000;
    public const int AcceptNonBlocking = 0x800;
    public const int AcceptCloseOnExec = 0x80000;
    public const int TcpLevel = 6;
    public const int TcpNoDelay = 1;
    public const int SetTimerSlack = 29;

    [LibraryImport("libc", EntryPoint = "epoll_create1", SetLastError = true)]
    public static partial int CreatePoll(int flags);

    [LibraryImport("libc", EntryPoint = "epoll_ctl", SetLastError = true)]
    public static partial int ControlPoll(int poll, int operation, int socket, byte* change);

    [LibraryImport("libc", EntryPoint = "epoll_pwait2", SetLastError = true)]
    public static partial int WaitPoll(int poll, byte* events, int count, long* timeout, void* signals);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(int socket, byte* buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "send", SetLastError = true)]
    public static partial nint Send(int socket, byte* buffer, nint length, int flags);

    [LibraryImport("libc", EntryPoint = "accept4", SetLastError = true)]
    public static partial int Accept(int listener, void* address, void* length, int flags);

    [LibraryImport("libc", EntryPoint = "setsockopt", SetLastError = true)]
    public static partial int SetOption(int socket, int level, int name, int* value, int length);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "prctl", SetLastError = true)]
    public static partial int ProcessControl(int option, nuint argument, nuint unused3, nuint unused4, nuint unused5);

    [LibraryImport("libc", EntryPoint = "getrlimit", SetLastError = true)]
    public static partial int GetLimit(int resource, ulong* limits);

    [LibraryImport("libc", EntryPoint = "setrlimit", SetLastError = true)]
    public static partial int SetLimit(int resource, ulong* limits);
}
