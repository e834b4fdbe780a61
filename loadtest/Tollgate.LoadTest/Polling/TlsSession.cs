using System.Runtime.InteropServices;

namespace Tollgate.LoadTest.Polling;

/// <summary>What the TLS connections of one side share: OpenSSL's context, used from the thread of one loop at a time or made once before them.</summary>
/// <remarks>
/// The system's OpenSSL, which .NET needs for TLS anyway: its calls fit the loops, one thread and sockets that never block. SslStream would bring back the thread
/// pool that the loops are there to avoid.
/// </remarks>
internal sealed class TlsContext : IDisposable
{
    private TlsContext(nint handle, bool isServer)
    {
        Handle = handle;
        IsServer = isServer;

        // A loop sends what fits and comes back with what is left, wherever that lies.
        const int partialWrites = 1;
        const int movingBuffer = 2;
        _ = OpenSsl.ControlContext(handle, OpenSsl.SetMode, partialWrites | movingBuffer, 0);
    }

    /// <summary>OpenSSL's <c>SSL_CTX</c>.</summary>
    public nint Handle { get; }

    /// <summary>Whether it answers handshakes.</summary>
    public bool IsServer { get; }

    /// <summary>For a generator. It takes any certificate: it talks to what it started itself.</summary>
    public static TlsContext Client() => new(OpenSsl.CreateContext(OpenSsl.ClientMethod()), isServer: false);

    /// <summary>For an upstream.</summary>
    /// <exception cref="InvalidOperationException">A file is missing or does not fit the other.</exception>
    public static TlsContext Server(string certificateFile, string keyFile)
    {
        var context = new TlsContext(OpenSsl.CreateContext(OpenSsl.ServerMethod()), isServer: true);
        if (OpenSsl.UseCertificate(context.Handle, certificateFile) != 1 || OpenSsl.UseKey(context.Handle, keyFile, OpenSsl.Pem) != 1)
        {
            context.Dispose();
            throw new InvalidOperationException($"OpenSSL does not take {certificateFile} with {keyFile}.");
        }

        return context;
    }

    /// <inheritdoc/>
    public void Dispose() => OpenSsl.FreeContext(Handle);
}

/// <summary>TLS on one socket that does not block. The handshake happens inside the first sends and receives.</summary>
internal sealed unsafe class TlsSession : IDisposable
{
    private readonly nint _session;

    public TlsSession(TlsContext context, int socket)
    {
        _session = OpenSsl.Create(context.Handle);
        _ = OpenSsl.SetSocket(_session, socket);
        if (context.IsServer)
        {
            OpenSsl.BeServer(_session);
        }
        else
        {
            OpenSsl.BeClient(_session);
        }
    }

    /// <summary>As <see cref="SocketPoll.Send"/>.</summary>
    public Transfer Send(ReadOnlySpan<byte> bytes, out int sent)
    {
        fixed (byte* start = bytes)
        {
            sent = OpenSsl.Write(_session, start, bytes.Length);
        }

        return Outcome(sent);
    }

    /// <summary>As <see cref="SocketPoll.Receive"/>, but at most one record: more may be there.</summary>
    public Transfer Receive(Span<byte> buffer, out int received)
    {
        fixed (byte* start = buffer)
        {
            received = OpenSsl.Read(_session, start, buffer.Length);
        }

        return Outcome(received);
    }

    /// <inheritdoc/>
    public void Dispose() => OpenSsl.Free(_session);

    private Transfer Outcome(int moved)
    {
        if (moved > 0)
        {
            return Transfer.Moved;
        }

        var later = OpenSsl.Error(_session, moved) is OpenSsl.WantRead or OpenSsl.WantWrite;

        // A thread's errors are one queue: one left there would be taken for the next session's.
        OpenSsl.ClearErrors();
        return later ? Transfer.Later : Transfer.Closed;
    }
}

/// <summary>The calls of OpenSSL 3 that the loops need.</summary>
internal static unsafe partial class OpenSsl
{
    public const int SetMode = 33;
    public const int Pem = 1;
    public const int WantRead = 2;
    public const int WantWrite = 3;
    private const string Library = "libssl.so.3";

    [LibraryImport(Library, EntryPoint = "TLS_client_method")]
    public static partial nint ClientMethod();

    [LibraryImport(Library, EntryPoint = "TLS_server_method")]
    public static partial nint ServerMethod();

    [LibraryImport(Library, EntryPoint = "SSL_CTX_new")]
    public static partial nint CreateContext(nint method);

    [LibraryImport(Library, EntryPoint = "SSL_CTX_free")]
    public static partial void FreeContext(nint context);

    [LibraryImport(Library, EntryPoint = "SSL_CTX_ctrl")]
    public static partial nint ControlContext(nint context, int command, nint number, nint pointer);

    [LibraryImport(Library, EntryPoint = "SSL_CTX_use_certificate_chain_file", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int UseCertificate(nint context, string file);

    [LibraryImport(Library, EntryPoint = "SSL_CTX_use_PrivateKey_file", StringMarshalling = StringMarshalling.Utf8)]
    public static partial int UseKey(nint context, string file, int type);

    [LibraryImport(Library, EntryPoint = "SSL_new")]
    public static partial nint Create(nint context);

    [LibraryImport(Library, EntryPoint = "SSL_free")]
    public static partial void Free(nint session);

    [LibraryImport(Library, EntryPoint = "SSL_set_fd")]
    public static partial int SetSocket(nint session, int socket);

    [LibraryImport(Library, EntryPoint = "SSL_set_connect_state")]
    public static partial void BeClient(nint session);

    [LibraryImport(Library, EntryPoint = "SSL_set_accept_state")]
    public static partial void BeServer(nint session);

    [LibraryImport(Library, EntryPoint = "SSL_read")]
    public static partial int Read(nint session, byte* buffer, int length);

    [LibraryImport(Library, EntryPoint = "SSL_write")]
    public static partial int Write(nint session, byte* buffer, int length);

    [LibraryImport(Library, EntryPoint = "SSL_get_error")]
    public static partial int Error(nint session, int result);

    [LibraryImport("libcrypto.so.3", EntryPoint = "ERR_clear_error")]
    public static partial void ClearErrors();
}
