using Tollgate.Proxy.Configuration;

namespace Tollgate.ClickHouse.Tests;

public sealed class StoreConnectionTests
{
    [Fact]
    public void The_embedded_store_is_reached_where_it_listens()
    {
        var settings = StoreConnection.Create(new StorageOptions { Listen = "http://127.0.0.1:9123" });
        Assert.Equal(("http", "127.0.0.1", (ushort)9123, "default"), (settings.Protocol, settings.Host, settings.Port, settings.Username));
    }

    [Fact]
    public void A_servers_connection_string_is_taken_except_for_database_and_session()
    {
        var settings = Server("Host=ch.example;Port=8443;Protocol=https;Username=tg;Password=hush;Database=tollgate;UseSession=true;Timeout=7;set_max_threads=2");
        Assert.Equal(("ch.example", "tg", "hush", 7.0), (settings.Host, settings.Username, settings.Password, settings.Timeout.TotalSeconds));
        Assert.Equal((string.Empty, false), (settings.Database, settings.UseSession));
    }

    [Fact]
    public void A_key_the_driver_would_pass_over_is_refused_without_its_value()
    {
        var refusal = Assert.Throws<ArgumentException>(() => Server("Host=ch.example;User=tg;Passwort=hush"));
        Assert.Contains("passwort", refusal.Message, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("hush", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_store_there_is_nothing_to_connect_to() =>
        Assert.Throws<ArgumentException>(() => StoreConnection.Create(new StorageOptions { Mode = StorageMode.None }));

    [Theory]
    [InlineData(33, StoreFault.Data)]
    [InlineData(117, StoreFault.Data)]
    [InlineData(60, StoreFault.Setup)]
    [InlineData(516, StoreFault.Setup)]
    [InlineData(241, StoreFault.Busy)]
    [InlineData(252, StoreFault.Busy)]
    [InlineData(319, StoreFault.Busy)]
    [InlineData(0, StoreFault.Other)]
    [InlineData(4711, StoreFault.Other)]
    public void A_code_is_filed_by_who_can_help(int code, StoreFault fault) => Assert.Equal(fault, StoreException.Classify(code));

    private static global::ClickHouse.Driver.ADO.ClickHouseClientSettings Server(string connectionString) =>
        StoreConnection.Create(new StorageOptions { Mode = StorageMode.ClickHouse, ConnectionString = connectionString });
}
