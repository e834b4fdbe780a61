using System.Buffers;
using System.IO.Compression;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Tollgate.Proxy.Scanning;

/// <summary>Undoes one content encoding, pushed forward by the bytes as they come.</summary>
internal abstract class BodyDecoder : IDisposable
{
    /// <summary>Decodes what it can.</summary>
    /// <returns>
    /// <c>NeedMoreData</c>: all was taken. <c>DestinationTooSmall</c>: call again with the rest. <c>Done</c>: the encoded data has ended.
    /// <c>InvalidData</c>: it is damaged.
    /// </returns>
    public abstract OperationStatus Decode(ReadOnlySpan<byte> source, Span<byte> target, out int consumed, out int written);

    /// <summary>The encoded data could end here without being cut short.</summary>
    public virtual bool IsAtEnd => false;

    /// <inheritdoc/>
    public abstract void Dispose();

    /// <summary>A decoder for <paramref name="contentEncoding"/>; null when it is not one that can be read.</summary>
    public static BodyDecoder? Create(string contentEncoding) => contentEncoding.Trim().ToLowerInvariant() switch
    {
        "br" => new Brotli(),
        "zstd" => new Zstandard(),
        "gzip" or "x-gzip" => new DeflateDecoder(DeflateFraming.Gzip),
        "deflate" => new DeflateDecoder(DeflateFraming.Zlib),
        _ => null,
    };

    private sealed class Brotli : BodyDecoder
    {
        private BrotliDecoder _decoder;

        public override OperationStatus Decode(ReadOnlySpan<byte> source, Span<byte> target, out int consumed, out int written) =>
            _decoder.Decompress(source, target, out consumed, out written);

        public override void Dispose() => _decoder.Dispose();
    }

    private sealed class Zstandard : BodyDecoder
    {
        // 8 MiB: what RFC 9659 lets a content coding ask for; the library would allow 128.
        private const int WindowLog = 23;

        private readonly Decompressor _decoder = new();
        private bool _atEnd;

        public override bool IsAtEnd => _atEnd;

        public Zstandard() => _decoder.SetParameter(ZSTD_dParameter.ZSTD_d_windowLogMax, WindowLog);

        public override OperationStatus Decode(ReadOnlySpan<byte> source, Span<byte> target, out int consumed, out int written)
        {
            try
            {
                var status = _decoder.UnwrapStream(source, target, out consumed, out written);

                _atEnd = status == OperationStatus.Done;

                // Frames may follow one another; the end of one is not the end of the body.
                return status == OperationStatus.Done && consumed == source.Length ? OperationStatus.NeedMoreData
                    : status == OperationStatus.Done ? OperationStatus.DestinationTooSmall
                    : status;
            }
            catch (ZstdException)
            {
                consumed = written = 0;
                return OperationStatus.InvalidData;
            }
        }

        public override void Dispose() => _decoder.Dispose();
    }
}
