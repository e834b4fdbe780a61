using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Tollgate.Proxy.Forwarding;

namespace Tollgate.Proxy.Tests.Forwarding;

public sealed class HeaderRulesTests
{
    private static readonly UpstreamCredential PassThrough = new(string.Empty);

    [Fact]
    public void Everything_passes_but_what_belongs_to_the_connection()
    {
        var sent = Copy(PassThrough, new()
        {
            ["anthropic-beta"] = "a,b, c",
            ["anthropic-version"] = "2023-06-01",
            ["x-unknown"] = new StringValues(["1", "2"]),
            ["x-project"] = "acme",
            ["x-claude-code-session-id"] = "s",
            ["traceparent"] = "00-x",
            ["Accept-Encoding"] = "gzip, br",
            ["Connection"] = "keep-alive, X-Nominated",
            ["X-Nominated"] = "secret",
            ["Keep-Alive"] = "timeout=5",
            ["TE"] = "trailers",
            ["Transfer-Encoding"] = "chunked",
            ["Upgrade"] = "h2c",
            ["Proxy-Authorization"] = "Basic x",
            ["Host"] = "127.0.0.1",
            ["Expect"] = "100-continue",
            ["Content-Length"] = "5",
        });

        Assert.Equal(
            ["Accept-Encoding: gzip, br", "anthropic-beta: a,b, c", "anthropic-version: 2023-06-01", "traceparent: 00-x", "x-claude-code-session-id: s", "x-project: acme", "x-unknown: 1|2"],
            sent);
    }

    [Theory]
    [InlineData("x-tg-dim-environment")]
    [InlineData("X-BF-Dim-team")]
    [InlineData("x-bf-prom-team")]
    [InlineData("x-tollgate-key")]
    [InlineData("x-bf-vk")]
    public void Labels_and_virtual_keys_stay_here(string header) => Assert.Empty(Copy(PassThrough, new() { [header] = "value" }));

    [Theory]
    [InlineData("x-api-key", "tg_abcd_secret")]
    [InlineData("Authorization", "Bearer tg_abcd_secret")]
    [InlineData("authorization", "bearer   tg_abcd_secret")]
    public void A_virtual_key_in_a_credential_header_stays_here(string header, string value) =>
        Assert.Empty(Copy(PassThrough, new() { [header] = value }));

    [Fact]
    public void The_clients_own_credential_passes_beside_a_virtual_key() =>
        Assert.Equal(["Authorization: Bearer sk-ant-oat01-x"], Copy(PassThrough, new() { ["x-api-key"] = "tg_abcd_x", ["Authorization"] = "Bearer sk-ant-oat01-x" }));

    [Fact]
    public void A_configured_key_takes_the_place_of_both_of_the_clients() =>
        Assert.Equal(["x-api-key: sk-ant-own"], Copy(new UpstreamCredential("sk-ant-own"), new() { ["x-api-key"] = "sk-ant-client", ["Authorization"] = "Bearer client" }));

    [Fact]
    public void A_configured_oauth_token_travels_as_a_bearer_token() =>
        Assert.Equal(["Authorization: Bearer sk-ant-oat01-own"], Copy(new UpstreamCredential("sk-ant-oat01-own"), new() { ["x-api-key"] = "sk-ant-client" }));

    [Fact]
    public void The_injected_key_never_shows_in_text() => Assert.DoesNotContain("canary", new UpstreamCredential("sk-canary").ToString(), StringComparison.Ordinal);

    [Theory]
    [InlineData("x-good", "tab\tinside", false)]
    [InlineData("x-good", "Grüße", false)]
    [InlineData("x-bad", "bell\u0007", true)]
    [InlineData("x-bad", "tab\tthen\u0001", true)]
    [InlineData("x-bad", "del\u007f", true)]
    [InlineData("x[bad", "x", true)]
    [InlineData("x bad", "x", true)]
    public void A_header_that_other_servers_might_read_differently_is_found(string name, string value, bool malformed) =>
        Assert.Equal(malformed, HeaderRules.TryFindMalformed(new HeaderDictionary { [name] = value }, out _));

    [Theory]
    [InlineData("Content-Type", true)]
    [InlineData("request-id", true)]
    [InlineData("retry-after", true)]
    [InlineData("anthropic-ratelimit-unified-5h-utilization", true)]
    [InlineData("Content-Encoding", true)]
    [InlineData("Transfer-Encoding", false)]
    [InlineData("connection", false)]
    [InlineData("Trailer", false)]
    [InlineData("X-Hop", false)]
    public void An_answers_headers_pass_but_for_the_connections_own(string name, bool passes) =>
        Assert.Equal(passes, HeaderRules.PassesToClient(name, new StringValues("close, x-hop")));

    private static List<string> Copy(UpstreamCredential credential, Dictionary<string, StringValues> headers)
    {
        var sink = new ListSink([]);
        HeaderRules.CopyRequest(new HeaderDictionary(headers), credential, ref sink);
        sink.Lines.Sort(StringComparer.OrdinalIgnoreCase);
        return sink.Lines;
    }

    private readonly struct ListSink(List<string> lines) : IHeaderSink
    {
        public List<string> Lines => lines;

        public void Add(string name, StringValues values) => lines.Add($"{name}: {string.Join('|', values.ToArray())}");
    }
}
