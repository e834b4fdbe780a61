using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Tollgate.Demo.Live;

/// <summary>Where the demo keeps its files and listens.</summary>
/// <param name="Directory">All of its files; emptied at each start.</param>
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

    // Says that a directory is a demo's, and so may be emptied.
    private const string Marker = "tollgate-demo";

    /// <summary>The configuration file.</summary>
    public string Configuration => Path.Combine(Directory, "tollgate.json");

    /// <summary>What the gateway prints.</summary>
    public string Log => Path.Combine(Directory, "gateway.log");

    /// <summary>Takes an empty directory and three ports of loopback; 0 takes a free one.</summary>
    /// <exception cref="IOException">A port is taken, or the directory holds something that is not a demo's.</exception>
    public static DemoPlaces Take(string directory, int proxyPort, int adminPort, int storePort)
    {
        var full = Path.GetFullPath(directory);
        var places = new DemoPlaces(full, Address(proxyPort, "--proxy-port"), Address(adminPort, "--admin-port"), Address(storePort, "--store-port"));
        if (System.IO.Directory.Exists(full) && System.IO.Directory.EnumerateFileSystemEntries(full).Any())
        {
            if (!File.Exists(Path.Combine(full, Marker)))
            {
                throw new IOException($"{full} holds files that are not a demo's, and a demo empties its directory. Give another one by --directory.");
            }

            System.IO.Directory.Delete(full, recursive: true);
        }

        System.IO.Directory.CreateDirectory(full);
        File.WriteAllText(Path.Combine(full, Marker), "Made by make demo, which empties this directory at each start.\n");
        return places;
    }

    private static string Address(int port, string option)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
        }
        catch (SocketException taken)
        {
            throw new IOException($"Port {port} of 127.0.0.1 can't be had: {taken.Message}. Stop what listens there, or give another one by {option} (0: any).", taken);
        }

        return string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}");
    }
}
