using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Tollgate.LoadTest.Polling;
using Tollgate.LoadTest.Wire;

namespace Tollgate.LoadTest.Upstream;

/// <summary>Answers every request with the same bytes, on one thread.</summary>
/// <remarks>A request is read to its last byte and forgotten; nothing of it is looked at but where it ends.</remarks>
internal sealed class UpstreamLoop : IDisposable
{
    private const int ListenerToken = 0;

    // Reads of a request's body: larger ones save calls, and the bytes are thrown away.
    private const int BufferBytes = 256 * 1024;

    private readonly AnswerBytes _answer;
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly SocketPoll _poll = new();
    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly long _pause;
    private readonly TlsContext? _tls;

    // Every pause is equally long, so the order of coming here is the order of falling due.
    private readonly Queue<(Connection Connection, int Request, long Due)> _paused = new();

    // A connection's token is its place here; a closed one's place is not used again.
    private readonly List<Connection?> _connections = [null];

    /// <summary>Listens; for TLS when <paramref name="tls"/> is given, which the caller disposes of afterwards.</summary>
    public UpstreamLoop(AnswerBytes answer, TlsContext? tls = null)
    {
        _tls = tls;
        _answer = answer;
        _pause = (long)answer.Pause.TotalNanoseconds;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen(4096);
        _listener.Blocking = false;
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _poll.Add(Descriptor(_listener), ListenerToken);
    }

    /// <summary>Where it listens.</summary>
    public int Port { get; }

    /// <summary>Serves until <paramref name="stop"/>.</summary>
    public void Run(CancellationToken stop)
    {
        SocketPoll.FireTimersOnTime();
        while (!stop.IsCancellationRequested)
        {
            var ready = _poll.Wait(SendDueFrames());
            for (var i = 0; i < ready; i++)
            {
                var token = _poll.TokenOf(i);
                if (token == ListenerToken)
                {
                    Accept();
                }
                else if (_connections[token] is { } connection)
                {
                    Serve(connection, _poll.IsReadable(i));
                }
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var connection in _connections)
        {
            if (connection is not null)
            {
                connection.Tls?.Dispose();
                SocketPoll.Close(connection.Descriptor);
            }
        }

        _listener.Dispose();
        _poll.Dispose();
    }

    private static int Descriptor(Socket socket) => (int)socket.SafeHandle.DangerousGetHandle();

    private void Accept()
    {
        while (SocketPoll.TryAccept(Descriptor(_listener), out var socket))
        {
            _connections.Add(new Connection(socket, _connections.Count, _tls is null ? null : new TlsSession(_tls, socket)));
            _poll.Add(socket, _connections.Count - 1);
        }
    }

    private void Serve(Connection connection, bool readable)
    {
        if (connection.IsAnswering)
        {
            Write(connection);
        }

        while (readable)
        {
            var transfer = connection.Receive(_buffer, out var received);
            if (transfer == Transfer.Later)
            {
                return;
            }

            var end = transfer == Transfer.Closed || connection.IsAnswering ? MessageEnd.Broken : connection.Reader.Read(_buffer.AsSpan(0, received));
            switch (end)
            {
                case MessageEnd.Broken:
                    Close(connection);
                    return;
                case MessageEnd.Whole:
                    connection.Begin();
                    Write(connection);
                    break;
            }

            readable = connection.Tls is not null ? _connections[connection.Token] is not null : received == _buffer.Length;
        }
    }

    /// <summary>Writes until the answer, or the time of its next piece, or the socket's room ends.</summary>
    private void Write(Connection connection)
    {
        while (connection.IsAnswering && !connection.IsPaused)
        {
            var piece = _answer.Pieces[connection.Piece];
            switch (connection.Send(piece.AsSpan(connection.Sent), out var sent))
            {
                case Transfer.Later:
                    return;
                case Transfer.Closed:
                    Close(connection);
                    return;
            }

            if (!connection.Advance(sent, piece.Length))
            {
                continue;
            }

            if (connection.Piece == _answer.Pieces.Count)
            {
                connection.End();
            }
            else if (_pause > 0)
            {
                connection.IsPaused = true;

                // From when this piece was due, not from when it was written: a late write does not slow the stream down.
                connection.PieceDue = (connection.Piece == 1 ? Stopwatch.GetTimestamp() : connection.PieceDue) + _pause;
                _paused.Enqueue((connection, connection.Request, connection.PieceDue));
            }
        }
    }

    /// <returns>Nanoseconds until the next piece is due; at most a second, so that a stop is noticed.</returns>
    private long SendDueFrames()
    {
        while (_paused.TryPeek(out var next))
        {
            var wait = next.Due - Stopwatch.GetTimestamp();
            if (wait > 0)
            {
                return Math.Min(wait, 1_000_000_000);
            }

            _paused.Dequeue();
            if (next.Connection.Request == next.Request && next.Connection.IsPaused)
            {
                next.Connection.IsPaused = false;
                Write(next.Connection);
            }
        }

        return 1_000_000_000;
    }

    private void Close(Connection connection)
    {
        _connections[connection.Token] = null;
        connection.End();
        connection.Tls?.Dispose();
        SocketPoll.Close(connection.Descriptor);
    }

    /// <summary>One connection, and how far its answer is.</summary>
    private sealed class Connection(int descriptor, int token, TlsSession? tls)
    {
        /// <summary>Not readonly: a struct that counts.</summary>
        public MessageReader Reader;

        public int Descriptor => descriptor;

        public int Token => token;

        public TlsSession? Tls => tls;

        public int Request { get; private set; }

        public int Piece { get; private set; }

        public int Sent { get; private set; }

        /// <summary>When the current piece of a paced answer may be written.</summary>
        public long PieceDue { get; set; }

        public bool IsAnswering { get; private set; }

        public bool IsPaused { get; set; }

        public Transfer Send(ReadOnlySpan<byte> bytes, out int sent) => tls is null ? SocketPoll.Send(descriptor, bytes, out sent) : tls.Send(bytes, out sent);

        public Transfer Receive(Span<byte> buffer, out int received) => tls is null ? SocketPoll.Receive(descriptor, buffer, out received) : tls.Receive(buffer, out received);

        public void Begin()
        {
            Reader.Restart();
            (IsAnswering, Piece, Sent) = (true, 0, 0);
            Request++;
        }

        /// <returns>Whether the piece is written.</returns>
        public bool Advance(int sent, int pieceLength)
        {
            Sent += sent;
            if (Sent < pieceLength)
            {
                return false;
            }

            Piece++;
            Sent = 0;
            return true;
        }

        public void End() => (IsAnswering, IsPaused) = (false, false);
    }
}
