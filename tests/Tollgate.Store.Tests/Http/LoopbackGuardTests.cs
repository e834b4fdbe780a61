using Microsoft.AspNetCore.Http;
using Tollgate.Store.Http;

namespace Tollgate.Store.Tests.Http;

public sealed class LoopbackGuardTests
{
    [Theory]
    [InlineData("127.0.0.1:8123", null, null, true)]
    [InlineData("localhost:8123", null, "none", true)]
    [InlineData("[::1]:8123", null, null, true)]
    [InlineData("rebound.example:8123", null, null, false)]
    [InlineData("127.0.0.1.example:8123", null, null, false)]
    [InlineData("localhost:8123", "https://page.example", null, false)]
    [InlineData("localhost:8123", null, "cross-site", false)]
    [InlineData("localhost:8123", null, "same-site", false)]
    public void Only_programs_on_this_machine_are_answered(string host, string? origin, string? site, bool isAnswered)
    {
        var request = new DefaultHttpContext().Request;
        request.Host = new HostString(host);
        request.Headers.Origin = origin;
        request.Headers["Sec-Fetch-Site"] = site;
        Assert.Equal(isAnswered, LoopbackGuard.Refusal(request) is null);
    }
}
