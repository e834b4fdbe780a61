using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Forwarding;
using Tollgate.Proxy.Ingress;

namespace Tollgate.Proxy.Tests.Ingress;

public sealed class RouteTableTests
{
    private static readonly RouteTable<Upstream> Table = new(new Dictionary<string, Upstream>
    {
        ["anthropic"] = Upstream("anthropic", "https://api.anthropic.com"),
        ["eu"] = Upstream("eu", "https://proxy.example/base/"),
    });

    [Theory]
    [InlineData("/anthropic/v1/messages?beta=true", "https://api.anthropic.com/v1/messages?beta=true")]
    [InlineData("/v1/messages", "https://api.anthropic.com/v1/messages")]
    [InlineData("/v1/files/%2e?x=%2F&y=a+b", "https://api.anthropic.com/v1/files/%2e?x=%2F&y=a+b")]
    [InlineData("/eu/v1/messages", "https://proxy.example/base/v1/messages")]
    [InlineData("/eu/", "https://proxy.example/base/")]
    [InlineData("/eu", "https://proxy.example/base/")]
    [InlineData("/eu?x=1", "https://proxy.example/base/")]
    public void The_upstream_gets_the_rest_of_the_path_and_the_query_as_they_were_written(string target, string address)
    {
        Assert.True(Table.TryFind("POST", target, out var route));
        Assert.Equal(address, route.Upstream.AddressOf(route.PathAndQuery).OriginalString);
    }

    [Theory]
    [InlineData("POST", "/anthropic/v1/messages?beta=true", Operation.Messages)]
    [InlineData("POST", "/v1/messages", Operation.Messages)]
    [InlineData("GET", "/v1/messages", Operation.Other)]
    [InlineData("POST", "/v1/messages/", Operation.Messages)]
    [InlineData("POST", "/v1/messages/count_tokens?beta=true", Operation.CountTokens)]
    [InlineData("POST", "/v1/messages/batches", Operation.Batches)]
    [InlineData("GET", "/v1/messages/batches/b_1/results", Operation.Batches)]
    [InlineData("GET", "/v1/models?limit=1000", Operation.Models)]
    [InlineData("GET", "/anthropic/v1/models/claude-opus-5-5", Operation.Models)]
    [InlineData("GET", "/anthropic/v1/files", Operation.Other)]
    public void Only_a_post_to_messages_is_inference(string method, string target, Operation operation)
    {
        Assert.True(Table.TryFind(method, target, out var route));
        Assert.Equal(operation, route.Operation);
    }

    [Theory]
    [InlineData("/")]
    [InlineData("/unknown/v1/messages")]
    [InlineData("/Anthropic/v1/messages")]
    [InlineData("/v2/messages")]
    public void A_path_without_an_upstream_has_no_route(string target) => Assert.False(Table.TryFind("POST", target, out _));

    [Theory]
    [InlineData("HEAD", "/", true)]
    [InlineData("HEAD", "/api/hello", true)]
    [InlineData("HEAD", "/anthropic", true)]
    [InlineData("HEAD", "/anthropic/api/hello", true)]
    [InlineData("GET", "/api/hello", false)]
    [InlineData("HEAD", "/v1/messages", false)]
    [InlineData("HEAD", "/other/api/hello", false)]
    public void A_warm_up_call_is_recognised(string method, string path, bool isProbe) => Assert.Equal(isProbe, Table.IsProbe(method, path));

    private static Upstream Upstream(string name, string baseUrl)
    {
        var options = new UpstreamOptions { BaseUrl = baseUrl };
        return new Upstream(name, options, new SocketsHttpTransport(options));
    }
}
