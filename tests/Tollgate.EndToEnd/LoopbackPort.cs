using System.Net;
using System.Net.Sockets;

namespace Tollgate.EndToEnd;

/// <summary>Loopback ports for processes that can't choose their own.</summary>
internal static class LoopbackPort
{
    /// <summary>A port that was free a moment ago; also a base URL that refuses connections.</summary>
    public static int Free()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
