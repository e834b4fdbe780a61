using System.Net;
using System.Net.Sockets;
using System.Text;
using Tollgate.Proxy.Facts;

namespace Tollgate.Tests.DataPath;

/// <summary>An upstream need not wait for the end of a request to answer it.</summary>
public sealed class EarlyAnswerTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Theory]
    [InlineData("Content-Length: 30000000\r\n", "")]
    [InlineData("Transfer-Encoding: chunked\r\n", "30\r\n")]
    public async Task A_refusal_before_the_uploads_end_reaches_the_client_at_once_and_ends_the_upload(string framing, string chunk)
    {
        using var upstream = new ProbedUpstream();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl);
        using var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, gateway.Address.Port);
        const string BodyStart = "{\"model\":\"claude-opus-4-8\",\"max_tokens\":64,\"x\":\"";
        await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(
            $"POST /anthropic/v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n{framing}\r\n{chunk}{BodyStart}{(chunk.Length > 0 ? "\r\n" : "")}"));
        await upstream.UntilAsync(chunk.Length > 0 ? BodyStart + "\r\n" : BodyStart);
        await upstream.SayAsync("HTTP/1.1 413 Payload Too Large\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");

        // The client has not sent any more.
        using var late = new CancellationTokenSource(Patience);
        var buffer = new byte[4096];
        var answer = string.Empty;
        while (!answer.EndsWith("\r\n\r\n{}", StringComparison.Ordinal))
        {
            var read = await client.GetStream().ReadAsync(buffer, late.Token);
            Assert.True(read > 0, answer);
            answer += Encoding.Latin1.GetString(buffer, 0, read);
        }

        Assert.StartsWith("HTTP/1.1 413 Payload Too Large\r\n", answer, StringComparison.Ordinal);
        var row = await gateway.NextRowAsync();
        Assert.Equal((ForwardOutcome.UpstreamError, 413, UsageSource.None), (row.Outcome, row.HttpStatus, row.UsageSource));
        await upstream.UntilClosedAsync();
        Assert.DoesNotContain("\r\n0\r\n\r\n", upstream.Received(), StringComparison.Ordinal);
    }
}
