using System.Diagnostics;
using System.Net.Sockets;
using Tollgate.LoadTest.Polling;
using Tollgate.LoadTest.Wire;

namespace Tollgate.LoadTest.Generator;

/// <summary>Sends requests when they are due and reads their answers, on one thread.</summary>
/// <remarks>
/// Open model: a request's clock starts when it was due, not when it could be sent. A gateway that stands still for a second shows as a
/// second's worth of late requests, and a generator that is late makes the figures worse, never better.
/// Hot path: no allocation but for a connection that must be opened again.
/// </remarks>
internal sealed class LoadLoop : IDisposable
{
    private const int BufferBytes = 256 * 1024;

    private readonly LoadPlan _plan;
    private readonly ArrivalSchedule _schedule;
    private readonly long _windowStart;
    private readonly long _windowEnd;
    private readonly SocketPoll _poll = new();
    private readonly byte[] _buffer = new byte[BufferBytes];
    private readonly LoadConnection[] _connections;
    private readonly Stack<LoadConnection> _idle;

    // Requests that are due and not begun, oldest first.
    private readonly Queue<long> _waiting = new(4096);
    private long _completed;
    private int _open;

    /// <summary>Opens the connections of one of <see cref="LoadPlan.Threads"/> loops.</summary>
    /// <exception cref="SocketException">Nobody listens.</exception>
    public LoadLoop(LoadPlan plan, long start, int turn)
    {
        _plan = plan;
        _windowStart = start + (long)plan.WarmUp.TotalNanoseconds;
        _windowEnd = _windowStart + (long)plan.Window.TotalNanoseconds;
        _connections = new LoadConnection[Math.Max(1, plan.Connections / plan.Threads)];
        _schedule = new ArrivalSchedule(start, plan.Rate, turn, plan.Threads, plan.Holds ? _connections.Length : long.MaxValue);
        _idle = new Stack<LoadConnection>(_connections.Length);
        for (var i = 0; i < _connections.Length; i++)
        {
            _connections[i] = new LoadConnection(i, plan.Requests[i % plan.Requests.Count]);
            Open(_connections[i]);
            _idle.Push(_connections[i]);
        }
    }

    /// <summary>What came of the window; complete once <see cref="Run"/> has returned.</summary>
    public WindowFigures Figures { get; } = new();

    /// <summary>Answers so far, warm-up included, or events where streams are held; any thread may ask.</summary>
    public long Completed => Volatile.Read(ref _completed);

    /// <summary>Runs the plan to its end.</summary>
    public void Run(CancellationToken stop)
    {
        SocketPoll.FireTimersOnTime();
        var giveUp = _windowEnd + (long)LoadPlan.Grace.TotalNanoseconds;
        while (!stop.IsCancellationRequested)
        {
            var now = Stopwatch.GetTimestamp();
            SendDue(now);
            var nextDue = Math.Min(_schedule.NextDue, _windowEnd);
            if (now >= _windowEnd && (_plan.Holds || (_open == 0 && _waiting.Count == 0) || now >= giveUp))
            {
                break;
            }

            var canBegin = _waiting.Count > 0 && _idle.Count > 0;
            var wait = canBegin ? 0 : (now >= _windowEnd ? giveUp : nextDue) - Stopwatch.GetTimestamp();
            var ready = _poll.Wait(Math.Clamp(wait, 0, 100_000_000));
            for (var i = 0; i < ready; i++)
            {
                Serve(_connections[_poll.TokenOf(i)], _poll.IsReadable(i));
            }
        }

        if (_plan.Holds)
        {
            Figures.Answered = _connections.Count(static connection => connection.IsOpen && connection.Reader.Frames > 0);
        }

        Figures.Missing = Figures.Due - Figures.Answered - Figures.Refused - Figures.Broken;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var connection in _connections)
        {
            connection.Close();
        }

        _poll.Dispose();
    }

    private void SendDue(long now)
    {
        while (_schedule.NextDue < _windowEnd && _schedule.TryTake(now, out var due))
        {
            _waiting.Enqueue(due);
            if (IsCounted(due))
            {
                Figures.Due++;
                Figures.Waited += _waiting.Count > _idle.Count ? 1 : 0;
                WindowFigures.Record(Figures.Lag, now - due);
            }
        }

        while (_waiting.Count > 0 && _idle.TryPop(out var connection))
        {
            Begin(connection, _waiting.Dequeue());
        }
    }

    // Streams that are held are opened before the window; all of them count.
    private bool IsCounted(long due) => _plan.Holds || due >= _windowStart;

    private void Begin(LoadConnection connection, long due)
    {
        connection.Begin(due);
        _open++;
        if (connection.Socket is null && !TryReopen(connection))
        {
            Fail(connection);
            return;
        }

        Write(connection);
    }

    private void Serve(LoadConnection connection, bool readable)
    {
        if (connection.IsSending)
        {
            Write(connection);
        }

        while (readable && connection.Socket is not null)
        {
            var transfer = connection.Receive(_buffer, out var received);
            if (transfer == Transfer.Later)
            {
                return;
            }

            if (transfer == Transfer.Closed || !connection.IsOpen)
            {
                Fail(connection);
                return;
            }

            Read(connection, _buffer.AsSpan(0, received));
            readable = connection.MayHaveMore(received, _buffer.Length);
        }
    }

    private void Read(LoadConnection connection, ReadOnlySpan<byte> bytes)
    {
        var now = Stopwatch.GetTimestamp();
        ref var reader = ref connection.Reader;
        var (bodyBefore, framesBefore) = (reader.BodyBytes, reader.Frames);
        var end = reader.Read(bytes);
        if (IsCounted(connection.Due))
        {
            if (bodyBefore == 0 && reader.BodyBytes > 0)
            {
                WindowFigures.Record(Figures.FirstByte, now - connection.Due);
            }

            if (reader.Frames > framesBefore)
            {
                if (framesBefore > 0 && (!_plan.Holds || now >= _windowStart))
                {
                    WindowFigures.Record(Figures.Gap, now - connection.LastFrame);
                }

                connection.LastFrame = now;
            }
        }

        if (_plan.Holds)
        {
            Volatile.Write(ref _completed, _completed + reader.Frames - framesBefore);
        }

        if (end == MessageEnd.Open)
        {
            return;
        }

        // A stream that is to be held has no end.
        if (end == MessageEnd.Broken || connection.IsSending || (_plan.Holds && reader.Head.Status == 200))
        {
            Fail(connection);
            return;
        }

        Finish(connection, now);
    }

    private void Finish(LoadConnection connection, long now)
    {
        Volatile.Write(ref _completed, _completed + (_plan.Holds ? 0 : 1));
        var whole = connection.Reader.Head.Status == 200 && connection.Reader.BodyBytes == _plan.Answer.BodyBytes && connection.Reader.Frames == _plan.Answer.Frames;
        if (IsCounted(connection.Due))
        {
            if (whole)
            {
                Figures.Answered++;
                WindowFigures.Record(Figures.Latency, now - connection.Due);
            }
            else if (connection.Reader.Head.Status != 200)
            {
                Figures.Refused++;
            }
            else
            {
                Figures.Broken++;
            }
        }

        Release(connection);
    }

    /// <summary>Ends a request without an answer, or an idle connection that the other side closed.</summary>
    private void Fail(LoadConnection connection)
    {
        connection.Close();
        if (!connection.IsOpen)
        {
            return;
        }

        Figures.Broken += IsCounted(connection.Due) ? 1 : 0;
        Release(connection);
    }

    private void Release(LoadConnection connection)
    {
        connection.End();
        _open--;
        _idle.Push(connection);
    }

    private void Write(LoadConnection connection)
    {
        while (connection.IsSending)
        {
            switch (connection.Send(out var sent))
            {
                case Transfer.Later:
                    return;
                case Transfer.Closed:
                    Fail(connection);
                    return;
                default:
                    connection.Sent += sent;
                    break;
            }
        }
    }

    private bool TryReopen(LoadConnection connection)
    {
        try
        {
            Open(connection);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private void Open(LoadConnection connection)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            socket.Connect(System.Net.IPAddress.Loopback, _plan.Port);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        connection.Socket = socket;
        connection.Descriptor = (int)socket.SafeHandle.DangerousGetHandle();
        if (_plan.Tls is { } tls)
        {
            // OpenSSL reads and writes without a flag that says not to wait.
            socket.Blocking = false;
            connection.Tls = new TlsSession(tls, connection.Descriptor);
        }

        _poll.Add(connection.Descriptor, connection.Token);
    }
}
