using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Tollgate.Hosting;

namespace Tollgate.Tests.Hosting;

/// <summary>Sockets that a service manager hands over are found by name, or the message says why not.</summary>
public sealed class InheritedSocketsTests
{
    private const int Us = 4711;

    [Fact]
    public void A_socket_is_found_by_its_name()
    {
        using var socket = Listening();
        Assert.Equal([Descriptor(socket)], Passed("1", "proxy", first: Descriptor(socket)).Named("proxy"));
    }

    [Fact]
    public void A_socket_without_a_name_is_called_unknown()
    {
        using var socket = Listening();
        Assert.Equal([Descriptor(socket)], Passed("1", names: null, first: Descriptor(socket)).Named("unknown"));
    }

    [Fact]
    public async Task Looking_at_a_socket_leaves_it_open()
    {
        using var socket = Listening();
        Passed("1", "proxy", first: Descriptor(socket)).Named("proxy");
        using var client = new TcpClient();
        await client.ConnectAsync((IPEndPoint)socket.LocalEndPoint!);
        using var accepted = await socket.AcceptAsync();
        Assert.True(accepted.Connected);
    }

    [Theory]
    [InlineData(null, "4711", "proxy", "none was handed over (LISTEN_FDS is not set). Start Tollgate by a socket unit that has FileDescriptorName=proxy")]
    [InlineData("x", "4711", "proxy", "LISTEN_FDS is \"x\", which is no number")]
    [InlineData("1", "12", "proxy", "those handed over are for process \"12\" (LISTEN_PID), and this is 4711")]
    [InlineData("1", null, "proxy", "are for process \"\"")]
    [InlineData("2", "4711", "admin", "those handed over are called \"admin\", \"unknown\" (LISTEN_FDNAMES)")]
    public void A_socket_that_is_not_there_is_told_with_the_reason(string? count, string? forProcess, string? names, string message)
    {
        var sockets = new InheritedSockets(count, forProcess, names, Us);
        var missing = Assert.Throws<IOException>(() => sockets.Named("proxy"));
        Assert.Contains(message, missing.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_does_not_listen_is_refused()
    {
        using var bound = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        using var file = File.OpenHandle(typeof(InheritedSocketsTests).Assembly.Location);
        foreach (var descriptor in new[] { Descriptor(bound), (int)file.DangerousGetHandle() })
        {
            var wrong = Assert.Throws<IOException>(() => Passed("1", "proxy", descriptor).Named("proxy"));
            Assert.Contains($"(descriptor {descriptor}) is not a TCP socket that listens", wrong.Message, StringComparison.Ordinal);
        }
    }

    private static InheritedSockets Passed(string count, string? names, int first) => new(count, Us.ToString(CultureInfo.InvariantCulture), names, Us, first);

    private static int Descriptor(Socket socket) => (int)socket.Handle;

    private static Socket Listening()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        socket.Listen();
        return socket;
    }
}
