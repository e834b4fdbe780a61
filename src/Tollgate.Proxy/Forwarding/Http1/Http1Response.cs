using Microsoft.Extensions.Primitives;

namespace Tollgate.Proxy.Forwarding.Http1;

/// <summary>An answer on one of our own connections. Gives the connection back, or closes it, when it is disposed of.</summary>
internal sealed class Http1Response(IdleConnections idle, RequestWriter writer) : IUpstreamResponse
{
    private readonly Http1Connection _connection = writer.Connection;
    private bool _isDisposed;

    /// <inheritdoc/>
    public int Status => _connection.Head.Status;

    /// <inheritdoc/>
    public string? ReasonPhrase => _connection.Head.ReasonPhrase;

    /// <inheritdoc/>
    public bool EndsWithConnection => _connection.Head.Framing == BodyFraming.UntilClose;

    /// <inheritdoc/>
    public StringValues Header(string name) => _connection.Head.Find(name);

    /// <inheritdoc/>
    public void CopyHeadersTo<TSink>(ref TSink sink)
        where TSink : struct, IHeaderSink, allows ref struct => _connection.Head.CopyTo(ref sink);

    /// <inheritdoc/>
    public bool TryRead(Span<byte> buffer, out int read) => _connection.TryReadBody(buffer, out read);

    /// <inheritdoc/>
    public ValueTask WaitToReadAsync(CancellationToken cancellationToken) => _connection.WaitToReadBodyAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) => _connection.ReadBodyAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (_isDisposed)
        {
            return ValueTask.CompletedTask;
        }

        // Once: the connection may be another request's by now.
        _isDisposed = true;
        writer.BreakNoMore();
        if (writer.IsFinished)
        {
            idle.Return(_connection);
        }
        else
        {
            // The upload is still going on, or was cut: what would follow on this connection could be taken for its rest.
            _connection.Dispose();
        }

        return ValueTask.CompletedTask;
    }
}
