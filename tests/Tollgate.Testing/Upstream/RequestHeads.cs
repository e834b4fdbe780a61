using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using Microsoft.AspNetCore.Connections;

namespace Tollgate.Testing.Upstream;

/// <summary>Keeps the bytes that Kestrel consumed, so that a request's head can be told in wire order and wire case.</summary>
/// <remarks>Kestrel's own header collection forgets both for the names it knows.</remarks>
internal sealed class RequestHeads(PipeReader inner) : PipeReader
{
    private readonly ArrayBufferWriter<byte> _consumed = new();
    private ReadOnlySequence<byte> _buffer;

    /// <summary>Wraps a connection; the wrapper is found again among its features.</summary>
    public static ConnectionDelegate Capture(ConnectionDelegate next) => connection =>
    {
        var heads = new RequestHeads(connection.Transport.Input);
        connection.Transport = new Duplex(heads, connection.Transport.Output);
        connection.Features.Set(heads);
        connection.Features.Set(connection);
        return next(connection);
    };

    /// <summary>The head of the request that is being dispatched, request line to blank line.</summary>
    public byte[] Take()
    {
        var bytes = _consumed.WrittenSpan.ToArray();
        Forget();
        return bytes;
    }

    /// <summary>Drops what was consumed since: the body's bytes.</summary>
    public void Forget() => _consumed.ResetWrittenCount();

    /// <summary>Fields of a head in wire order and case.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Fields(ReadOnlySpan<byte> head) =>
    [
        .. Encoding.Latin1.GetString(head).Split("\r\n").Skip(1)
            .Where(static line => line.Contains(':', StringComparison.Ordinal))
            .Select(static line => new KeyValuePair<string, string>(
                line[..line.IndexOf(':', StringComparison.Ordinal)],
                line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim())),
    ];

    public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
    {
        var result = await inner.ReadAsync(cancellationToken);
        _buffer = result.Buffer;
        return result;
    }

    public override bool TryRead(out ReadResult result)
    {
        var any = inner.TryRead(out result);
        _buffer = result.Buffer;
        return any;
    }

    public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

    public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
    {
        foreach (var segment in _buffer.Slice(_buffer.Start, consumed))
        {
            _consumed.Write(segment.Span);
        }

        _buffer = default;
        inner.AdvanceTo(consumed, examined);
    }

    public override void CancelPendingRead() => inner.CancelPendingRead();

    public override void Complete(Exception? exception = null) => inner.Complete(exception);

    private sealed class Duplex(PipeReader input, PipeWriter output) : IDuplexPipe
    {
        public PipeReader Input { get; } = input;

        public PipeWriter Output { get; } = output;
    }
}
