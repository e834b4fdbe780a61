using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Tollgate.Testing.Gateway;

/// <summary>A listening socket that outlives the processes it is handed to, as a service manager's socket unit does.</summary>
public sealed class HandedOverSocket : IDisposable
{
    /// <summary>What it is called in <c>LISTEN_FDNAMES</c>.</summary>
    public const string Name = "proxy";

    private readonly Socket _socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    /// <summary>Listens on a loopback port, and never accepts.</summary>
    /// <param name="port">The port; 0 for one of its own.</param>
    public HandedOverSocket(int port = 0)
    {
        _socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        _socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
        _socket.Listen();
    }

    /// <summary>Where clients connect.</summary>
    public int Port => ((IPEndPoint)_socket.LocalEndPoint!).Port;

    /// <summary>Makes the command that runs <paramref name="command"/> with the socket as descriptor 3; dispose it once it runs.</summary>
    public Handed HandTo(string[] command) => new(Native.Duplicate((int)_socket.Handle), command);

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    /// <summary>A copy of the socket that children inherit, for as long as it takes to start one.</summary>
    public sealed class Handed(int descriptor, string[] command) : IDisposable
    {
        // LISTEN_PID must be the gateway's own, which exec keeps; bash, because sh may take no descriptor above 9.
        private const string Script = $"exec 3<&\"$0\"- && LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES={Name} exec \"$@\"";

        /// <summary>What to start.</summary>
        public string[] Command { get; } = ["bash", "-c", Script, descriptor.ToString(CultureInfo.InvariantCulture), .. command];

        /// <inheritdoc/>
        public void Dispose() => _ = Native.Close(descriptor);
    }

    private static class Native
    {
        /// <summary>dup(2): unlike the sockets of .NET, the copy is not closed when a child is started.</summary>
        [DllImport("libc", EntryPoint = "dup")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Duplicate(int descriptor);

        [DllImport("libc", EntryPoint = "close")]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Close(int descriptor);
    }
}
