using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Tollgate.Proxy.Forwarding;

/// <summary>Carries one request to an upstream and its answer back, byte for byte.</summary>
/// <remarks>The seam between the life of a request and the sockets. <see cref="UpstreamTransports"/> chooses what is behind it.</remarks>
public interface IUpstreamTransport
{
    /// <summary>Sends the head and streams the body; returns when the answer's head is there.</summary>
    /// <exception cref="UpstreamException">There is no answer; says how far the request got.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> fired; the upstream has been dropped.</exception>
    ValueTask<IUpstreamResponse> SendAsync(UpstreamRequest request, CancellationToken cancellationToken);
}

/// <summary>What is to be sent.</summary>
/// <param name="Method">The client's method.</param>
/// <param name="Address">Where to, escaped as the client wrote it.</param>
/// <param name="Version">Highest HTTP version to use.</param>
/// <param name="Headers">What the client sent; <see cref="HeaderRules"/> chooses from it.</param>
/// <param name="Credential">What stands for the client at the upstream.</param>
/// <param name="Body">The body; null when the request has none.</param>
public sealed record UpstreamRequest(
    string Method,
    Uri Address,
    Version Version,
    IHeaderDictionary Headers,
    UpstreamCredential Credential,
    RequestBody? Body);

/// <summary>An answer whose head has arrived and whose body is still to be read.</summary>
public interface IUpstreamResponse : IAsyncDisposable
{
    /// <summary>HTTP status.</summary>
    int Status { get; }

    /// <summary>The reason phrase as it came; null when there is none (HTTP/2).</summary>
    string? ReasonPhrase { get; }

    /// <summary>Whether only the connection's end says where the body ends, so that a cut can't be told from an end.</summary>
    bool EndsWithConnection { get; }

    /// <summary>A header's values; none when it is absent.</summary>
    StringValues Header(string name);

    /// <summary>Gives every header, with all its values, to <paramref name="sink"/>.</summary>
    void CopyHeadersTo<TSink>(ref TSink sink)
        where TSink : struct, IHeaderSink, allows ref struct;

    /// <summary>Reads what is here already, without asking the connection.</summary>
    /// <param name="buffer">Room for it; not empty.</param>
    /// <param name="read">How much it was; 0 at the body's end.</param>
    /// <returns>Whether there was anything, or the end; otherwise <see cref="ReadAsync"/> has to wait, or tells what went wrong.</returns>
    bool TryRead(Span<byte> buffer, out int read);

    /// <summary>Returns when a read is worth trying, or at once where that can't be told. A stream that waits so holds no buffer.</summary>
    /// <remarks>What goes wrong meanwhile is <see cref="ReadAsync"/>'s to tell.</remarks>
    ValueTask WaitToReadAsync(CancellationToken cancellationToken);

    /// <summary>Reads what has arrived of the body; 0 at its end.</summary>
    /// <exception cref="UpstreamException">The body broke off.</exception>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken);
}

/// <summary>Takes headers one by one.</summary>
public interface IHeaderSink
{
    /// <summary>Takes a header with all its values.</summary>
    void Add(string name, StringValues values);
}

/// <summary>An upstream did not do its part.</summary>
/// <param name="message">What happened; never a secret.</param>
/// <param name="nothingSent">Whether the upstream can't have seen any of the request.</param>
/// <param name="inner">The cause.</param>
public sealed class UpstreamException(string message, bool nothingSent, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Whether the upstream can't have seen any of the request.</summary>
    public bool NothingSent { get; } = nothingSent;
}
