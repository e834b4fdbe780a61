using System.Globalization;
using Tollgate.Configuration;
using Tollgate.Hosting;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Tests.Repository;

/// <summary>The units in deploy/systemd fit the gateway that they start.</summary>
public sealed class ServiceUnitTests
{
    // UsageBatcher's, for the last rows.
    private static readonly TimeSpan LastRows = TimeSpan.FromSeconds(10);

    [Fact]
    public void The_service_listens_on_the_socket_that_its_unit_names()
    {
        var listen = Value("tollgate.service", "Environment=TOLLGATE__PROXY__LISTEN__0=");
        Assert.True(ListenAddress.TryParse(listen, out var address, out var problem), problem);
        Assert.Equal(Value("tollgate.socket", "FileDescriptorName="), address!.SocketName);
    }

    [Fact]
    public void The_service_is_given_the_time_that_a_stop_may_take()
    {
        var given = TimeSpan.FromSeconds(int.Parse(Value("tollgate.service", "TimeoutStopSec="), CultureInfo.InvariantCulture));
        Assert.True(given > new ProxyOptions().DrainTimeout + Drain.CutTimeout + LastRows + StoreSupervisor.StopTimeout);
    }

    [Fact]
    public void A_stop_signals_the_gateway_and_not_its_store() => Assert.Equal("mixed", Value("tollgate.service", "KillMode="));

    private static string Value(string unit, string key) =>
        Assert.Single(SourceTree.Lines($"deploy/systemd/{unit}"), line => line.StartsWith(key, StringComparison.Ordinal))[key.Length..];
}
