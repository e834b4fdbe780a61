using System.Globalization;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Tollgate.Hosting;

/// <summary>The listening sockets that a service manager handed to this process, by the names it gave them.</summary>
/// <remarks>
/// Source: sd_listen_fds(3). <c>LISTEN_FDS</c> says how many there are, beginning at descriptor 3; <c>LISTEN_PID</c> for which process they are;
/// <c>LISTEN_FDNAMES</c> what each is called, with colons between. Several may share a name: those of one socket unit do.
/// </remarks>
internal sealed class InheritedSockets
{
    /// <summary>No socket was handed over.</summary>
    public static readonly InheritedSockets None = new(null, null, null, Environment.ProcessId);

    private const int FirstDescriptor = 3;

    // What sd_listen_fds_with_names(3) calls a socket that was given no name.
    private const string NoName = "unknown";

    private readonly string _problem = string.Empty;
    private readonly List<(string Name, int Descriptor)> _sockets = [];

    /// <summary>Reads what the environment says, for the process <paramref name="processId"/>.</summary>
    /// <param name="count"><c>LISTEN_FDS</c>; null when not set, like the next two.</param>
    /// <param name="forProcess"><c>LISTEN_PID</c>.</param>
    /// <param name="names"><c>LISTEN_FDNAMES</c>.</param>
    /// <param name="processId">This process.</param>
    /// <param name="first">The first descriptor; another one than 3 only in tests.</param>
    public InheritedSockets(string? count, string? forProcess, string? names, int processId, int first = FirstDescriptor)
    {
        if (string.IsNullOrEmpty(count))
        {
            _problem = "none was handed over (LISTEN_FDS is not set)";
        }
        else if (!int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var sockets))
        {
            _problem = $"LISTEN_FDS is \"{count}\", which is no number";
        }
        else if (forProcess != processId.ToString(CultureInfo.InvariantCulture))
        {
            _problem = $"those handed over are for process \"{forProcess}\" (LISTEN_PID), and this is {processId.ToString(CultureInfo.InvariantCulture)}";
        }
        else
        {
            var named = names?.Split(':') ?? [];
            for (var i = 0; i < sockets; i++)
            {
                _sockets.Add((i < named.Length ? named[i] : NoName, first + i));
            }

            _problem = $"those handed over are called \"{string.Join("\", \"", _sockets.Select(static socket => socket.Name))}\" (LISTEN_FDNAMES)";
        }
    }

    /// <summary>Those of this process.</summary>
    public static InheritedSockets OfThisProcess() => new(
        Environment.GetEnvironmentVariable("LISTEN_FDS"),
        Environment.GetEnvironmentVariable("LISTEN_PID"),
        Environment.GetEnvironmentVariable("LISTEN_FDNAMES"),
        Environment.ProcessId);

    /// <summary>The descriptors of the sockets called <paramref name="name"/>: at least one, each a TCP socket that listens.</summary>
    /// <remarks>They are kept from child processes from here on: a store that outlives its gateway must not hold them.</remarks>
    /// <exception cref="IOException">There is none of that name, or it is something else; the message says what to change.</exception>
    public IReadOnlyList<int> Named(string name)
    {
        var descriptors = _sockets.Where(socket => socket.Name == name).Select(static socket => socket.Descriptor).ToList();
        if (descriptors.Count == 0)
        {
            throw new IOException(
                $"No socket is called \"{name}\": {_problem}. Start Tollgate by a socket unit that has FileDescriptorName={name}, or listen on an address, such as http://127.0.0.1:8080.");
        }

        foreach (var descriptor in descriptors)
        {
            if (!IsListening(descriptor))
            {
                throw new IOException($"The socket \"{name}\" (descriptor {descriptor}) is not a TCP socket that listens. Give its unit a ListenStream= with an address and a port, and Accept=no.");
            }

            _ = Native.SetDescriptorFlags(descriptor, Native.SetFlags, Native.CloseOnExec);
        }

        return descriptors;
    }

    private static bool IsListening(int descriptor)
    {
        try
        {
            // Looks only: a handle that does not own the descriptor leaves it open.
            using var handle = new SafeSocketHandle(descriptor, ownsHandle: false);
            using var socket = new Socket(handle);
            return socket is { SocketType: SocketType.Stream, AddressFamily: AddressFamily.InterNetwork or AddressFamily.InterNetworkV6 }
                && socket.GetSocketOption(SocketOptionLevel.Socket, SocketOptionName.AcceptConnection) is 1;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static class Native
    {
        public const int SetFlags = 2;
        public const int CloseOnExec = 1;

        [DllImport("libc", EntryPoint = "fcntl")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int SetDescriptorFlags(int descriptor, int command, int flags);
    }
}
