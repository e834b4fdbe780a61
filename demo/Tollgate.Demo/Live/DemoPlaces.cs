using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Tollgate.Demo.Live;

/// <summary>Where the demo keeps its files and listens.</summary>
/// <param name="Directory">All of its files.</param>
/// <param name="Proxy">Where clients connect.</param>
/// <param name="Admin">Where operators connect.</param>
/// <param name="Store">Where SQL is asked.</param>
internal sealed record DemoPlaces(string Directory, string Proxy, string Admin, string Store)
{
    /// <summary>Holds the admin token.</summary>
    public const string TokenFile = "admin-token";

    /// <summary>Holds everybody's virtual keys, one a line.</summary>
    public const string KeysFile = "keys";

    /// <summary>Holds what the gateway shows the simulated provider.</summary>
    public const string ProviderKeyFile = "provider-key";

    /// <summary>The configuration file.</summary>
    public string Configuration => Path.Combine(Directory, "tollgate.json");

    /// <summary>What the gateway prints.</summary>
    public string Log => Path.Combine(Directory, "gateway.log");

    /// <summary>Finds three ports of loopback free; 0 stands for any.</summary>
    /// <exception cref="IOException">A port is taken.</exception>
    public static DemoPlaces Find(string directory, int proxyPort, int adminPort, int storePort)
    {
        // All at once, so that no free port is found twice.
        using var proxy = Listener(proxyPort, "--proxy-port");
        using var admin = Listener(adminPort, "--admin-port");
        using var store = Listener(storePort, "--store-port");
        return new DemoPlaces(directory, Address(proxy), Address(admin), Address(store));
    }

    private static TcpListener Listener(int port, string option)
    {
        var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return listener;
        }
        catch (SocketException taken)
        {
            listener.Dispose();
            throw new IOException($"Port {port} of 127.0.0.1 can't be had: {taken.Message}. Stop what listens there, or give another one by {option} (0: any).", taken);
        }
    }

    private static string Address(TcpListener listener) => string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
}
