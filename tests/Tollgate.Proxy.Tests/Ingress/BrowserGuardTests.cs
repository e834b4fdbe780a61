using Microsoft.AspNetCore.Http;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Ingress;

namespace Tollgate.Proxy.Tests.Ingress;

public sealed class BrowserGuardTests
{
    private readonly BrowserGuard _guard = new(new ProxyOptions { Listen = ["http://10.0.0.5:8080"], AllowedHosts = ["tollgate.internal"] });

    [Theory]
    [InlineData("127.0.0.1:8080")]
    [InlineData("localhost")]
    [InlineData("[::1]:8080")]
    [InlineData("127.8.8.8")]
    [InlineData("10.0.0.5:8080")]
    [InlineData("tollgate.internal")]
    public void A_command_line_client_passes_under_every_name_of_the_gateway(string host) => Assert.Null(_guard.Check(Request(host)));

    [Theory]
    [InlineData("attacker.example")]
    [InlineData("localhost.attacker.example")]
    [InlineData("10.0.0.6")]
    [InlineData("")]
    public void A_name_that_dns_rebinding_would_use_is_refused(string host) => Assert.Equal(403, _guard.Check(Request(host))?.Status);

    [Theory]
    [InlineData("Origin", "https://attacker.example")]
    [InlineData("Origin", "null")]
    [InlineData("Origin", "http://127.0.0.1:8080")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-origin")]
    public void What_only_a_web_page_sends_is_refused(string header, string value)
    {
        var request = Request("127.0.0.1");
        request.Headers[header] = value;
        Assert.Equal(403, _guard.Check(request)?.Status);
    }

    [Theory]
    [InlineData("text/plain")]
    [InlineData("application/x-www-form-urlencoded")]
    [InlineData("multipart/form-data; boundary=x")]
    [InlineData(null)]
    public void The_content_types_of_plain_forms_are_refused(string? contentType)
    {
        var request = Request("127.0.0.1");
        request.ContentType = contentType;
        Assert.Equal(415, _guard.Check(request)?.Status);
    }

    [Fact]
    public void A_get_needs_no_content_type()
    {
        var request = Request("127.0.0.1");
        request.Method = "GET";
        request.ContentType = null;
        Assert.Null(_guard.Check(request));
    }

    private static HttpRequest Request(string host)
    {
        var request = new DefaultHttpContext().Request;
        request.Method = "POST";
        request.Host = new HostString(host);
        request.ContentType = "application/json; charset=utf-8";
        return request;
    }
}
