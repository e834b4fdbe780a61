using System.Runtime.CompilerServices;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.EventLoops;

namespace Tollgate.Proxy.Forwarding.Http1;

/// <summary>Carries requests over HTTP/1.1 connections of our own: sockets, kept and used again, with TLS where the address says so.</summary>
/// <remarks>
/// What it promises beyond the seam: nothing is ever sent twice. A kept connection is looked at right before the first byte goes; one that the upstream has closed or
/// said something on is exchanged for another, and after that byte there is no second try. An answer may come before the request's end and is given on at once. Whatever
/// is not a clean end closes the connection: a cancelled request, an answer not read to its end, bytes after it.
/// Certificates are checked as the platform does by default; nothing in the configuration weakens that.
/// </remarks>
public sealed class Http1Transport : IUpstreamTransport, IDisposable
{
    // By loop; the first is for requests that run on none.
    private readonly IdleConnections?[] _idle = new IdleConnections?[1 + EventLoopGroup.MostLoops];
    private readonly TimeProvider _time;
    private readonly Dialer _dialer;
    private readonly byte[] _host;
    private readonly string _authority;

    // Guarded by _idle.
    private bool _isDisposed;

    /// <summary>Opens no connection yet.</summary>
    /// <param name="options">Where to, and how long connecting may take. Validated.</param>
    public Http1Transport(UpstreamOptions options)
        : this(options, TimeProvider.System, trust: null)
    {
    }

    internal Http1Transport(UpstreamOptions options, TimeProvider time, X509ChainPolicy? trust)
    {
        var address = new Uri(options.BaseUrl, UriKind.Absolute);
        _authority = address.Authority;
        _time = time;
        _dialer = new Dialer(address, options.ConnectTimeout, time, trust);
        var host = address.HostNameType == UriHostNameType.IPv6 ? address.Host : address.IdnHost;
        _host = Encoding.ASCII.GetBytes(address.IsDefaultPort ? host : $"{host}:{address.Port}");
    }

    /// <summary>How many connections wait for a request.</summary>
    internal int IdleCount => _idle.Sum(static idle => idle?.Count ?? 0);

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<IUpstreamResponse> SendAsync(UpstreamRequest request, CancellationToken cancellationToken)
    {
        var writer = new RequestWriter(this, IdleOf(EventLoop.Current).TryTake() ?? await _dialer.OpenAsync(cancellationToken));
        writer.BreakOn(cancellationToken);
        try
        {
            writer.Begin(request, _host);
            if (request.Body is null)
            {
                await writer.FinishAsync(cancellationToken);
            }
            else
            {
                var upload = UploadAsync(request.Body, writer, cancellationToken);
                if (!upload.IsCompletedSuccessfully)
                {
                    await ReadHeadWhileSendingAsync(upload, request, writer, cancellationToken);
                    return new Http1Response(IdleOf(writer.Connection.Loop), writer);
                }
            }

            await writer.Connection.ReadHeadAsync(_authority, request.Method == "HEAD", cancellationToken);
            return new Http1Response(IdleOf(writer.Connection.Loop), writer);
        }
        catch (Exception failed)
        {
            writer.BreakNoMore();
            writer.Connection.Dispose();
            if (Http1Connection.IsBreak(failed) && !cancellationToken.IsCancellationRequested && request.Body?.ClientFault is null)
            {
                throw new UpstreamException($"{_authority} broke off before it answered.", nothingSent: !writer.HasSent, failed);
            }

            throw;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_idle)
        {
            _isDisposed = true;
            foreach (var idle in _idle)
            {
                idle?.Dispose();
            }
        }
    }

    /// <summary>Gives <paramref name="connection"/> back if it can be sent on, else another that can.</summary>
    /// <exception cref="UpstreamException">There is none to be had.</exception>
    internal async ValueTask<Http1Connection> ExchangeIfStaleAsync(Http1Connection connection, CancellationToken cancellationToken)
    {
        while (connection.IsReused && !connection.IsStillQuiet)
        {
            connection.Dispose();
            connection = IdleOf(EventLoop.Current).TryTake() ?? await _dialer.OpenAsync(cancellationToken);
        }

        return connection;
    }

    private IdleConnections IdleOf(EventLoop? loop)
    {
        var index = loop is null ? 0 : loop.Index + 1;
        return Volatile.Read(ref _idle[index]) ?? Make(index);

        IdleConnections Make(int at)
        {
            lock (_idle)
            {
                if (_idle[at] is null)
                {
                    Volatile.Write(ref _idle[at], new IdleConnections(_time));
                    if (_isDisposed)
                    {
                        _idle[at]!.Dispose();
                    }
                }

                return _idle[at]!;
            }
        }
    }

    private static async Task UploadAsync(RequestBody body, RequestWriter writer, CancellationToken cancellationToken)
    {
        await body.CopyToAsync(writer, cancellationToken);
        await writer.FinishAsync(cancellationToken);
    }

    /// <summary>Reads the answer's head, which may come before the request has ended: a refusal most of all.</summary>
    private async Task ReadHeadWhileSendingAsync(Task upload, UpstreamRequest request, RequestWriter writer, CancellationToken cancellationToken)
    {
        // Before anything was sent there is no answer, and the connection may still be exchanged.
        await Task.WhenAny(upload, writer.WhenStarted());
        if (!writer.HasSent)
        {
            await upload;
        }

        var head = writer.Connection.ReadHeadAsync(_authority, request.Method == "HEAD", cancellationToken).AsTask();
        if (await Task.WhenAny(upload, head) == upload && !upload.IsCompletedSuccessfully && writer.Fault is null)
        {
            // The client's side broke, or the request was cancelled: there is nobody to be told an answer.
            writer.Connection.Dispose();
            Forget(head);
            await upload;
        }

        try
        {
            // When the upstream took no more, it may have said why.
            await head;
        }
        finally
        {
            Forget(upload);
        }

        if (!upload.IsCompletedSuccessfully && writer.Connection.Head.Status >= 300)
        {
            // It has made up its mind. (A good answer may be streamed while the request still is.)
            writer.Stop();
        }
    }

    /// <summary>Lets a task's failure be: it has been told elsewhere.</summary>
    private static void Forget(Task task) =>
        _ = task.ContinueWith(static done => _ = done.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
}
