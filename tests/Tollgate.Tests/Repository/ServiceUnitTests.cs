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

    [Theory]
    [InlineData("tollgate")]
    [InlineData("user/tollgate")]
    public void The_service_listens_on_the_socket_that_its_unit_names(string unit)
    {
        var listen = Value($"{unit}.service", "Environment=TOLLGATE__PROXY__LISTEN__0=").Replace("@SCHEME@", "http", StringComparison.Ordinal);
        Assert.True(ListenAddress.TryParse(listen, out var address, out var problem), problem);
        Assert.Equal(Value($"{unit}.socket", "FileDescriptorName="), address!.SocketName);
    }

    [Theory]
    [InlineData("tollgate")]
    [InlineData("user/tollgate")]
    public void The_service_is_given_the_time_that_a_stop_may_take(string unit)
    {
        var given = TimeSpan.FromSeconds(int.Parse(Value($"{unit}.service", "TimeoutStopSec="), CultureInfo.InvariantCulture));
        Assert.True(given > new ProxyOptions().DrainTimeout + Drain.CutTimeout + LastRows + StoreSupervisor.StopTimeout);
    }

    [Theory]
    [InlineData("tollgate")]
    [InlineData("user/tollgate")]
    public void A_stop_signals_the_gateway_and_not_its_store(string unit) => Assert.Equal("mixed", Value($"{unit}.service", "KillMode="));

    [Theory]
    [InlineData("tollgate")]
    [InlineData("user/tollgate")]
    public void A_service_that_fails_is_started_again_unless_its_configuration_is_wrong(string unit)
    {
        Assert.Equal("on-failure", Value($"{unit}.service", "Restart="));
        Assert.Equal("2", Value($"{unit}.service", "RestartPreventExitStatus="));
    }

    [Fact]
    public void A_users_service_asks_for_nothing_that_needs_namespaces()
    {
        string[] needs = ["Private", "Protect", "ReadOnlyPaths", "ReadWritePaths", "InaccessiblePaths", "BindPaths", "DynamicUser", "StateDirectory", "CapabilityBoundingSet"];
        Assert.DoesNotContain(SourceTree.Lines("deploy/systemd/user/tollgate.service"), line => needs.Any(need => line.StartsWith(need, StringComparison.Ordinal)));
    }

    private static string Value(string unit, string key) =>
        Assert.Single(SourceTree.Lines($"deploy/systemd/{unit}"), line => line.StartsWith(key, StringComparison.Ordinal))[key.Length..];
}
