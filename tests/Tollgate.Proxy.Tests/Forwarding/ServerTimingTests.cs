using Microsoft.AspNetCore.Http;
using Tollgate.Proxy.Forwarding;

namespace Tollgate.Proxy.Tests.Forwarding;

public class ServerTimingTests
{
    [Fact]
    public void The_value_tells_milliseconds_of_the_gateway_and_of_the_upstream()
    {
        var headers = new HeaderDictionary();
        ServerTiming.Append(headers, TimeSpan.FromMicroseconds(12.3), TimeSpan.FromMilliseconds(812.44));
        Assert.Equal("tollgate;dur=0.012, upstream;dur=812.4", headers["Server-Timing"]);
    }

    [Fact]
    public void The_longest_times_fit()
    {
        var headers = new HeaderDictionary();
        ServerTiming.Append(headers, TimeSpan.MaxValue, TimeSpan.MaxValue);
        Assert.StartsWith("tollgate;dur=922337203685477.", headers["Server-Timing"].ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Values_of_the_upstream_stay_before_it()
    {
        var headers = new HeaderDictionary { ["server-timing"] = new(["cdn;dur=3", "db;dur=1"]) };
        ServerTiming.Append(headers, TimeSpan.Zero, TimeSpan.Zero);
        Assert.Equal(["cdn;dur=3", "db;dur=1", "tollgate;dur=0.000, upstream;dur=0.0"], headers["Server-Timing"].ToArray());
    }
}
