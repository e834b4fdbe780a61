using Tollgate.Proxy.Ingress;

namespace Tollgate.Proxy.Tests.Ingress;

public sealed class RequestTargetTests
{
    [Theory]
    [InlineData("/v1/messages?beta=true", "/v1/messages?beta=true")]
    [InlineData("http://gateway:8080/v1/messages?x=%2F", "/v1/messages?x=%2F")]
    [InlineData("http://gateway:8080", "")]
    [InlineData("*", "")]
    [InlineData("gateway:443", "")]
    public void The_path_and_query_are_the_very_characters_sent(string rawTarget, string expected) =>
        Assert.Equal(expected, RequestTarget.PathAndQuery(rawTarget).ToString());

    [Theory]
    [InlineData("/v1/messages")]
    [InlineData("/")]
    [InlineData("/a/b/")]
    [InlineData("/model/arn%3Aaws%3Ax%2Fy/invoke")]
    [InlineData("/a/.../b")]
    [InlineData("/a/.hidden/..b")]
    [InlineData("/a%20b/%C3%A4")]
    [InlineData("/model/arn:aws:x@1/invoke")]
    public void A_path_that_every_server_reads_alike_passes(string path) => Assert.True(RequestTarget.IsUnambiguous(path));

    [Theory]
    [InlineData("/a/../b")]
    [InlineData("/a/./b")]
    [InlineData("/..")]
    [InlineData("/a/%2e%2E/b")]
    [InlineData("/a/.%2e/b")]
    [InlineData("/a\\b")]
    [InlineData("/a//b")]
    [InlineData("//a")]
    [InlineData("/v1/%6dessages")]
    [InlineData("/v1/%4D")]
    [InlineData("/a%00b")]
    [InlineData("/a%5Cb")]
    [InlineData("/a%")]
    [InlineData("/a%4")]
    [InlineData("/a%zz")]
    [InlineData("/a b")]
    [InlineData("/a\u0001")]
    [InlineData("/ä")]
    [InlineData("/a#b")]
    public void A_path_that_servers_read_differently_does_not(string path) => Assert.False(RequestTarget.IsUnambiguous(path));
}
