using System.IO.Compression;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using ZstdSharp;

namespace Tollgate.Testing.Upstream;

/// <summary>Puts a planned answer on the wire the way its <see cref="Delivery"/> says.</summary>
internal static class ReplyWriter
{
    /// <summary>Writes the head, then the frames: the units flushed one by one, which are events or one document.</summary>
    /// <returns>How the answer ended.</returns>
    public static async Task<RequestEnd> WriteAsync(HttpContext http, Delivery delivery, IReadOnlyList<byte[]> frames)
    {
        var aborted = http.RequestAborted;
        if (delivery.HeadDelay > TimeSpan.Zero)
        {
            await Task.Delay(delivery.HeadDelay, TimeProvider.System, aborted);
        }

        var cut = delivery.Ending == Ending.Whole ? frames.Count : Math.Min(delivery.EndAfterEvents, frames.Count);
        if (cut < 0)
        {
            return await EndAsync(http, delivery.Ending);
        }

        if (delivery.Encoding != BodyEncoding.Identity)
        {
            http.Response.Headers.ContentEncoding = Name(delivery.Encoding);
        }

        await http.Response.StartAsync(aborted);
        foreach (var piece in Cut(Encode(frames, cut, delivery), delivery.PieceBytes))
        {
            await http.Response.BodyWriter.WriteAsync(piece, aborted);
            await http.Response.BodyWriter.FlushAsync(aborted);
            if (delivery.Pause > TimeSpan.Zero)
            {
                await Task.Delay(delivery.Pause, TimeProvider.System, aborted);
            }

            aborted.ThrowIfCancellationRequested();
        }

        if (delivery.EndDelay > TimeSpan.Zero)
        {
            await Task.Delay(delivery.EndDelay, TimeProvider.System, aborted);
        }

        return await EndAsync(http, delivery.Ending);
    }

    private static async Task<RequestEnd> EndAsync(HttpContext http, Ending ending)
    {
        switch (ending)
        {
            case Ending.Reset:
                http.Abort();
                return RequestEnd.CutByPlan;

            case Ending.FinWithoutLastChunk:
                // The transport sends what is pending, then shuts the socket down; only after that may Kestrel be told to stop.
                var connection = http.Features.Get<ConnectionContext>()!;
                await connection.Transport.Output.CompleteAsync();
                await Cancelled(connection.ConnectionClosed);
                http.Abort();
                return RequestEnd.CutByPlan;

            case Ending.Stall:
                await Cancelled(http.RequestAborted);
                return RequestEnd.AbortedByCaller;

            default:
                await http.Response.CompleteAsync();
                return RequestEnd.Answered;
        }
    }

    private static async Task Cancelled(CancellationToken token)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var registration = token.Register(cancelled.SetResult);
        await cancelled.Task;
    }

    /// <summary>The first <paramref name="cut"/> frames, encoded; the encoder ends properly only when no frame is left out.</summary>
    private static IEnumerable<byte[]> Encode(IReadOnlyList<byte[]> frames, int cut, Delivery delivery)
    {
        if (delivery.Encoding == BodyEncoding.Identity)
        {
            return frames.Take(cut);
        }

        using var encoded = new MemoryStream();
        var pieces = new List<byte[]>();
        var encoder = Encoder(delivery.Encoding, encoded);
        for (var index = 0; index < cut; index++)
        {
            encoder.Write(frames[index]);
            encoder.Flush();
            Take();
        }

        encoder.Dispose();
        if (cut == frames.Count)
        {
            Take();
        }

        return pieces;

        void Take()
        {
            pieces.Add(encoded.ToArray());
            encoded.SetLength(0);
        }
    }

    private static IEnumerable<byte[]> Cut(IEnumerable<byte[]> pieces, int size)
    {
        if (size <= 0)
        {
            return pieces;
        }

        var whole = pieces.SelectMany(static piece => piece).ToArray();
        return size >= whole.Length ? [whole] : whole.Chunk(size);
    }

    private static Stream Encoder(BodyEncoding encoding, Stream output) => encoding switch
    {
        BodyEncoding.Gzip => new GZipStream(output, CompressionLevel.Fastest, leaveOpen: true),
        BodyEncoding.Brotli => new BrotliStream(output, CompressionLevel.Fastest, leaveOpen: true),
        BodyEncoding.Deflate => new ZLibStream(output, CompressionLevel.Fastest, leaveOpen: true),
        BodyEncoding.Zstd => new CompressionStream(output, leaveOpen: true),
        _ => throw new ArgumentOutOfRangeException(nameof(encoding), encoding, "No encoder."),
    };

    private static string Name(BodyEncoding encoding) => encoding switch
    {
        BodyEncoding.Gzip => "gzip",
        BodyEncoding.Brotli => "br",
        BodyEncoding.Deflate => "deflate",
        BodyEncoding.Zstd => "zstd",
        _ => "identity",
    };
}
