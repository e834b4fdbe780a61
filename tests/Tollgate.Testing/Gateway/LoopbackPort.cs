using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace Tollgate.Testing.Gateway;

/// <summary>Loopback ports for processes that can't choose their own.</summary>
/// <remarks>
/// A port is chosen a second or more before the process binds it, and bound again after its restarts. So none is taken from the range that the kernel gives to outgoing connections and to
/// listeners that ask for any: there one of some 14,000 may go to another test's upstream meanwhile, which in a run of hundreds of ports happens now and then. A process of tests has a block of
/// ports for itself, held by a lock on a file, and hands each of them out once before it begins anew.
/// </remarks>
public static class LoopbackPort
{
    private const int First = 10_000;
    private const int BlockSize = 500;
    private const int UsualEnd = 32_768;

    private static readonly Lock Gate = new();
    private static FileStream? _lock;
    private static int _block;
    private static int _handedOut;

    /// <summary>A port that nobody listens on and that is handed out to nobody else; also a base URL that refuses connections.</summary>
    /// <exception cref="InvalidOperationException">All are in use.</exception>
    public static int Free()
    {
        lock (Gate)
        {
            _lock ??= TakeBlock();
            for (var attempt = 0; attempt < BlockSize; attempt++)
            {
                var port = First + (_block * BlockSize) + (_handedOut++ % BlockSize);
                if (CanBind(port))
                {
                    return port;
                }
            }

            throw new InvalidOperationException($"All of {BlockSize} ports from {First + (_block * BlockSize)} on are in use.");
        }
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

    private static FileStream TakeBlock()
    {
        var directory = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"tollgate-ports-{Environment.UserName}")).FullName;
        var blocks = (End() - First) / BlockSize;
        for (_block = 0; _block < blocks; _block++)
        {
            try
            {
                return new FileStream(Path.Combine(directory, _block.ToString(CultureInfo.InvariantCulture)), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                // Another process of tests has it.
            }
        }

        throw new InvalidOperationException($"Each of {blocks} blocks of {BlockSize} ports is locked by a process of tests; the locks are in {directory}.");
    }

    /// <summary>The kernel's own range begins here; where it leaves no room below, its usual beginning.</summary>
    private static int End()
    {
        const string Range = "/proc/sys/net/ipv4/ip_local_port_range";
        var first = File.Exists(Range) ? int.Parse(File.ReadAllText(Range).Split('\t')[0], CultureInfo.InvariantCulture) : UsualEnd;
        return first >= First + (8 * BlockSize) ? first : UsualEnd;
    }

    private static bool CanBind(int port)
    {
        using var listener = new TcpListener(IPAddress.Loopback, port);
        try
        {
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
