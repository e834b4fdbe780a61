namespace Tollgate.Testing.Upstream;

/// <summary>Bodies that both ends can derive from a seed, for tests of byte identity.</summary>
/// <remarks>Any path of a <see cref="FakeUpstream"/> that is not the Messages API answers <c>?seed=S&amp;bytes=N</c> with one.</remarks>
public static class EchoBody
{
    /// <summary>Response header with the lower-case hex SHA-256 of the body received.</summary>
    public const string ReceivedHashHeader = "x-received-sha256";

    /// <summary>The body of a seed: every byte value, nothing textual.</summary>
    public static byte[] Of(int seed, int length)
    {
        var body = new byte[length];
        new Random(seed).NextBytes(body);
        return body;
    }

    /// <summary>The body in pieces of 1 byte to 32 KiB, small ones more often.</summary>
    public static IEnumerable<ReadOnlyMemory<byte>> Chunks(int seed, ReadOnlyMemory<byte> body)
    {
        var sizes = new Random(~seed);
        while (!body.IsEmpty)
        {
            var size = Math.Min(body.Length, 1 << sizes.Next(16));
            size = sizes.Next(1, size + 1);
            yield return body[..size];
            body = body[size..];
        }
    }
}
