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
public sealed class ByteIdentityOverLoopsTests() : ByteIdentityTests(ProxyTransport.Loops);

/// <summary>Over .NET's sockets and client.</summary>
public sealed class ByteIdentityOverSocketsTests() : ByteIdentityTests(ProxyTransport.Sockets);
