using System.IO.Compression;
using K4os.Compression.LZ4.Streams;
using Tollgate.Store.Engine;
using ZstdSharp;

namespace Tollgate.Store.Http;

/// <summary>Content codings of request bodies and of answers.</summary>
internal static class BodyCoding
{
    private static readonly string[] Preferred = ["zstd", "lz4", "gzip", "br", "deflate"];

    /// <summary>The plain bytes of a body.</summary>
    public static Stream Decode(Stream body, string coding) => coding switch
    {
        "" or "identity" => body,
        "gzip" => new GZipStream(body, CompressionMode.Decompress),
        "deflate" => new ZLibStream(body, CompressionMode.Decompress),
        "br" => new BrotliStream(body, CompressionMode.Decompress),
        "zstd" => new DecompressionStream(body),
        "lz4" => LZ4Stream.Decode(body),
        _ => throw EngineException.Make(ErrorCodes.NotImplemented, "NOT_IMPLEMENTED", $"Content-Encoding {coding} is not supported; use gzip, deflate, br, zstd or lz4."),
    };

    /// <summary>The coding of the answer: the first of ours that the client takes, or "" for none.</summary>
    public static string Choose(string accept)
    {
        var accepted = accept.Split(',').Select(part => part.Split(';')).Where(part => !part.Skip(1).Any(q => q.Trim() is "q=0")).Select(part => part[0].Trim()).ToArray();
        return Array.Find(Preferred, coding => accepted.Contains(coding, StringComparer.OrdinalIgnoreCase)) ?? "";
    }

    /// <summary>A stream that codes what is written into it. Disposing it writes the end and leaves <paramref name="body"/> open.</summary>
    public static Stream Encode(Stream body, string coding) => coding switch
    {
        "gzip" => new GZipStream(body, CompressionLevel.Fastest, leaveOpen: true),
        "deflate" => new ZLibStream(body, CompressionLevel.Fastest, leaveOpen: true),
        "br" => new BrotliStream(body, CompressionLevel.Fastest, leaveOpen: true),
        "zstd" => new CompressionStream(body, level: 1, leaveOpen: true),
        "lz4" => LZ4Stream.Encode(body, leaveOpen: true),
        _ => throw new ArgumentOutOfRangeException(nameof(coding), coding, "Not one of the codings of Choose."),
    };
}
