using System.Net;
using System.Net.Sockets;

namespace Tollgate.Testing.Gateway;

/// <summary>Loopback ports for processes that can't choose their own.</summary>
public static class LoopbackPort
{
    /// <summary>A port that was free a moment ago; also a base URL that refuses connections.</summary>
    public static int Free()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Whether anybody accepts connections there.</summary>
    public static bool Accepts(int port)
    {
        using var client = new TcpClient();
        try
        {
            client.Connect(IPAddress.Loopback, port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
