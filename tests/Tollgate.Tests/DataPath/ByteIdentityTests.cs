using System.Net;
using System.Security.Cryptography;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Testing.Upstream;

namespace Tollgate.Tests.DataPath;

/// <summary>What goes in comes out: SHA-256 of bodies, both ways.</summary>
public abstract class ByteIdentityTests(ProxyTransport transport) : DataPathTests(transport)
{
    private const int BodiesPerProtocol = 500;
    private const int LargestBody = 8 * 1024 * 1024;
    private const int AtOnce = 4;

    [Theory]
    [InlineData("http")]
    [InlineData("h2c")]
    public async Task Random_bodies_in_random_chunks_pass_byte_for_byte_both_ways(string scheme)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream.BaseUrl, scheme: scheme);
        var seeds = Enumerable.Range(scheme == "http" ? 0 : BodiesPerProtocol, BodiesPerProtocol);
        await Parallel.ForEachAsync(seeds, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (seed, cancellation) =>
        {
            // Sizes spread over the powers of two: as many of a few bytes as of megabytes.
            var sizes = new Random(seed * 31);
            var sent = EchoBody.Of(seed, Size(sizes));
            var wanted = Size(sizes);
            using var request = new HttpRequestMessage(HttpMethod.Post, $"/anthropic/echo?seed={seed}&bytes={wanted}")
            {
                Content = new ChunkedContent(seed, sent, announceLength: seed % 2 == 0),
                Version = gateway.Client.DefaultRequestVersion,
                VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            };
            using var response = await gateway.Client.SendAsync(request, cancellation);
            var received = await response.Content.ReadAsByteArrayAsync(cancellation);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(sent)), response.Headers.GetValues(EchoBody.ReceivedHashHeader).Single());
            Assert.Equal(SHA256.HashData(EchoBody.Of(seed, wanted)), SHA256.HashData(received));

            var row = await gateway.NextRowAsync();
            Assert.Equal((Operation.Other, ForwardOutcome.Completed), (row.Endpoint, row.Outcome));
        });
    }

    private protected static async Task ExchangeManyAtOnceAsync(GatewayInProcess gateway, int count, int atOnce)
    {
        await Parallel.ForEachAsync(Enumerable.Range(0, count), new ParallelOptions { MaxDegreeOfParallelism = atOnce }, async (seed, cancellation) =>
        {
            var sent = EchoBody.Of(seed, 100 + (seed % 3000));
            var wanted = 100 + (seed * 7 % 3000);
            using var response = await gateway.Client.PostAsync($"/anthropic/echo?seed={seed}&bytes={wanted}", new ByteArrayContent(sent), cancellation);
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(sent)), response.Headers.GetValues(EchoBody.ReceivedHashHeader).Single());
            Assert.Equal(EchoBody.Of(seed, wanted), await response.Content.ReadAsByteArrayAsync(cancellation));
            Assert.Equal(ForwardOutcome.Completed, (await gateway.NextRowAsync()).Outcome);
        });
    }

    private static int Size(Random sizes) => sizes.Next(1 << sizes.Next(24)) % (LargestBody + 1);

    /// <summary>Writes a body in random pieces, each flushed; with a length or in chunks.</summary>
    private sealed class ChunkedContent(int seed, byte[] body, bool announceLength) : HttpContent
    {
        protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
        {
            foreach (var piece in EchoBody.Chunks(seed, body))
            {
                await stream.WriteAsync(piece);
                await stream.FlushAsync();
            }
        }

        protected override bool TryComputeLength(out long length)
        {
            length = body.Length;
            return announceLength;
        }
    }
}

/// <summary>Over event loops and connections of our own.</summary>
public sealed class ByteIdentityOverLoopsTests() : ByteIdentityTests(ProxyTransport.Loops)
{
    [Fact]
    public async Task Clients_whose_connections_change_loops_between_requests_get_their_own_answers()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream.BaseUrl);
        await ExchangeManyAtOnceAsync(gateway, count: 6000, atOnce: 32);
        Assert.True(gateway.Moves > 20, $"connections changed loops {gateway.Moves} times");
    }
}

/// <summary>Over .NET's sockets and client.</summary>
public sealed class ByteIdentityOverSocketsTests() : ByteIdentityTests(ProxyTransport.Sockets);
