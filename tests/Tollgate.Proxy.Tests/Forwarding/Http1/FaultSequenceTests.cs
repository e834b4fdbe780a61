using System.Collections.Concurrent;
using System.IO.Pipelines;
using System.Net.Sockets;
using System.Text;
using Microsoft.AspNetCore.Http;
using Tollgate.Proxy.EventLoops;
using Tollgate.Proxy.Forwarding;

namespace Tollgate.Proxy.Tests.Forwarding.Http1;

/// <summary>Exchange after exchange, each with a fault drawn by chance, over whatever connection the one before left.</summary>
public abstract class FaultSequenceTests(EventLoop? loop)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    [Fact]
    public async Task Ten_thousand_exchanges_with_faults_on_one_connection_at_a_time_never_hear_of_one_another()
    {
        var random = new Random(20261130);
        var exchanges = Enumerable.Range(0, 10_000).Select(number => Exchange.Draw(number, random)).ToArray();
        await using var upstream = new FaultyUpstream(exchanges);
        using var transport = new TransportUnderTest(upstream.BaseUrl, loop: loop);
        var lost = 0;
        for (var at = 0; at < exchanges.Length; at++)
        {
            var exchange = exchanges[at];
            var heard = await AskAsync(transport, exchange);
            var mayBeLost = at > 0 && exchanges[at - 1].EndsIdleness;
            Assert.True(exchange.Allows(heard, mayBeLost), $"Exchange {exchange}, after {(at > 0 ? exchanges[at - 1] : null)}: heard {heard}.");
            Assert.True(transport.Transport.IdleCount <= (exchange.MayKeepConnection ? 1 : 0), $"Exchange {exchange} left a connection for others.");
            if (exchange.SpeaksUnasked && heard.Failure is null)
            {
                // Nobody can tell what an upstream says at the instant at which the next request goes out from its answer. This is about what came before.
                await exchange.Answered.Task.WaitAsync(Patience);
            }

            lost += exchange.KeepsConnection && heard.Failure is not null ? 1 : 0;
        }

        transport.Dispose();
        Assert.Empty(upstream.Unexpected);
        Assert.All(exchanges, static exchange => Assert.InRange(exchange.TimesSeen, 0, 1));
        Assert.InRange(lost, 0, exchanges.Length / 20);
        Assert.InRange(upstream.Connections, 2, exchanges.Length - 1_000);
    }

    private async Task<Heard> AskAsync(TransportUnderTest transport, Exchange exchange)
    {
        using var leave = new CancellationTokenSource();
        var text = new StringBuilder();
        try
        {
            if (loop is not null)
            {
                await loop.EnterAsync();
            }

            var upload = new Pipe();
            var request = Request(transport, exchange, upload);
            var sending = transport.SendAsync(request, leave.Token);
            if (exchange.Fault == Fault.LeftBeforeHead)
            {
                // Or lost, to a connection that has just ended.
                await Task.WhenAny(exchange.Received.Task, sending).WaitAsync(Patience);
                await leave.CancelAsync();
            }

            await using var response = await sending;
            var isWhole = await ReadAsync(response, exchange, text);
            await upload.Writer.CompleteAsync();
            await (request.Body?.StopAsync() ?? Task.CompletedTask);
            return new Heard(text.ToString(), isWhole, null);
        }
        catch (Exception failure) when (failure is UpstreamException or OperationCanceledException)
        {
            return new Heard(text.ToString(), IsWhole: false, failure);
        }
    }

    private static async Task<bool> ReadAsync(IUpstreamResponse response, Exchange exchange, StringBuilder text)
    {
        using var late = new CancellationTokenSource(Patience);
        var buffer = new byte[exchange.Room];
        while (exchange.Fault != Fault.LeftUnread)
        {
            // As the proxy reads.
            if (!response.TryRead(buffer, out var read))
            {
                await response.WaitToReadAsync(late.Token);
                read = await response.ReadAsync(buffer, late.Token);
            }

            if (read == 0)
            {
                return true;
            }

            text.Append(Encoding.Latin1.GetString(buffer, 0, read));
            if (exchange.Fault == Fault.LeftInBody)
            {
                break;
            }
        }

        return false;
    }

    private static UpstreamRequest Request(TransportUnderTest transport, Exchange exchange, Pipe upload)
    {
        var headers = new HeaderDictionary { ["x-number"] = exchange.Name };
        if (exchange.Upload == Upload.None)
        {
            return transport.Request(headers: headers);
        }

        if (exchange.Upload == Upload.Length)
        {
            return transport.Request("POST", exchange.Name, headers: headers);
        }

        Encoding.Latin1.GetBytes(exchange.Name, upload.Writer);
        if (exchange.Fault == Fault.AnsweredEarly)
        {
            // Its end comes after the answer.
            _ = upload.Writer.FlushAsync().AsTask();
        }
        else
        {
            upload.Writer.Complete();
        }

        return transport.Request("POST", pipe: upload.Reader, headers: headers);
    }

    private enum Upload
    {
        None,
        Length,
        Chunked,
    }

    private enum Fault
    {
        // Clean: the connection carries the next.
        Length,
        Chunked,
        Interim,
        NoContent,

        // Clean, and the connection has ended or is to.
        CloseAnnounced,
        EndedByClose,

        // Clean, but something comes that nobody asked for, or the connection ends while it is idle.
        Surplus,
        SurplusLater,
        ClosedIdle,
        ResetIdle,

        // Broken.
        CutHead,
        CutBody,
        CutChunk,
        WrongHead,
        WrongChunk,
        TwoFramings,
        ResetUnanswered,

        // Before its time.
        AnsweredEarly,

        // The client's doing.
        LeftBeforeHead,
        LeftInBody,
        LeftUnread,
    }

    private sealed record Heard(string Text, bool IsWhole, Exception? Failure);

    private sealed class Exchange
    {
        private int _seen;

        public required int Number { get; init; }

        public required Fault Fault { get; init; }

        public required Upload Upload { get; init; }

        public required int Room { get; init; }

        public required string Body { get; init; }

        // Where the answer is cut into sends.
        public required int[] Cuts { get; init; }

        public required int Spin { get; init; }

        public string Name => $"{Number:0000}";

        public TaskCompletionSource Received { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Answered { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int TimesSeen => Volatile.Read(ref _seen);

        public bool KeepsConnection => Fault is Fault.Length or Fault.Chunked or Fault.Interim or Fault.NoContent;

        public bool EndsIdleness => Fault is Fault.ClosedIdle or Fault.ResetIdle;

        public bool SpeaksUnasked => Fault is Fault.Surplus or Fault.SurplusLater;

        // What ends an idle connection may not have come yet, what is glued on may be late, and a client that leaves may have had all of the answer in one read.
        public bool MayKeepConnection => KeepsConnection || EndsIdleness || SpeaksUnasked || Fault == Fault.LeftInBody;

        public byte[] Answer => Encoding.Latin1.GetBytes(Fault switch
        {
            Fault.Chunked or Fault.LeftInBody => $"{ChunkedHead}{Chunk(Body[..^3])}{Chunk(Body[^3..])}0\r\n\r\n",
            Fault.Interim => $"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: evil\r\n\r\n{Whole}",
            Fault.NoContent => "HTTP/1.1 204 No Content\r\n\r\n",
            Fault.CloseAnnounced => $"{LengthHead}Connection: close\r\n\r\n{Body}",
            Fault.EndedByClose => $"HTTP/1.1 200 OK\r\n\r\n{Body}",
            Fault.Surplus => $"{Whole}{Evil}",
            Fault.CutHead => LengthHead,
            Fault.CutBody => Whole[..^1],
            Fault.CutChunk => $"{ChunkedHead}{Chunk(Body)}",
            Fault.WrongHead => $"HTTP/1.1 200 OK\r\n{Body}\r\n\r\n",
            Fault.WrongChunk => $"{ChunkedHead}{Chunk(Body)}evil\r\n",
            Fault.TwoFramings => $"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n{Chunk(Body)}0\r\n\r\n",
            Fault.ResetUnanswered or Fault.LeftBeforeHead => string.Empty,
            Fault.AnsweredEarly => $"HTTP/1.1 413 No\r\nContent-Length: {Body.Length}\r\n\r\n{Body}",
            _ => Whole,
        });

        public static byte[] Unasked => Encoding.Latin1.GetBytes(Evil);

        private const string Evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
        private const string ChunkedHead = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

        private string LengthHead => $"HTTP/1.1 200 OK\r\nContent-Length: {Body.Length}\r\n";

        private string Whole => $"{LengthHead}\r\n{Body}";

        public static Exchange Draw(int number, Random random)
        {
            var faults = Enum.GetValues<Fault>();
            var fault = random.Next(2) == 0 ? faults[random.Next(4)] : faults[random.Next(faults.Length)];
            return new Exchange
            {
                Number = number,
                Fault = fault,
                Upload = fault == Fault.AnsweredEarly ? Upload.Chunked : (Upload)random.Next(3),
                Room = random.Next(1, 200),
                Body = fault == Fault.NoContent ? string.Empty : $"<{number:0000}:{new string((char)('a' + (number % 26)), random.Next(300))}>",
                Cuts = [.. Enumerable.Range(0, random.Next(4)).Select(_ => random.Next(400)).Order()],
                Spin = random.Next(10_000),
            };
        }

        public int See() => Interlocked.Increment(ref _seen);

        /// <summary>Whether it may have been heard so: its own answer, as much of it as the fault leaves, and an end only where there was one.</summary>
        public bool Allows(Heard heard, bool mayBeLost)
        {
            if (!Body.StartsWith(heard.Text, StringComparison.Ordinal))
            {
                return false;
            }

            if (mayBeLost && heard is { Text: "", Failure: UpstreamException { NothingSent: false } })
            {
                return true;
            }

            return Fault switch
            {
                Fault.CutHead or Fault.WrongHead or Fault.TwoFramings or Fault.ResetUnanswered => heard is { Text: "", Failure: UpstreamException { NothingSent: false } },
                Fault.CutBody or Fault.CutChunk or Fault.WrongChunk => heard.Failure is UpstreamException { NothingSent: false },
                Fault.LeftBeforeHead => heard is { Text: "", Failure: OperationCanceledException },
                Fault.LeftInBody => heard is { Text.Length: > 0, IsWhole: false, Failure: null },
                Fault.LeftUnread => heard.Failure is null,
                _ => heard is { IsWhole: true, Failure: null } && heard.Text == Body,
            };
        }

        public override string ToString() => $"{Name} ({Fault}, upload {Upload}, cuts {string.Join(' ', Cuts)})";

        private static string Chunk(string text) => $"{text.Length:x}\r\n{text}\r\n";
    }

    /// <summary>Does to each exchange what was drawn for it.</summary>
    private sealed class FaultyUpstream : IAsyncDisposable
    {
        private readonly Exchange[] _exchanges;
        private readonly ScriptedListener _listener = new();
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _serving;

        public FaultyUpstream(Exchange[] exchanges)
        {
            _exchanges = exchanges;
            _serving = AcceptAsync();
        }

        public string BaseUrl => _listener.BaseUrl;

        public int Connections { get; private set; }

        /// <summary>Requests that are no exchange's.</summary>
        public ConcurrentQueue<string> Unexpected { get; } = new();

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            _listener.Dispose();
            await _serving;
            _stop.Dispose();
        }

        private async Task AcceptAsync()
        {
            var connections = new List<Task>();
            try
            {
                while (true)
                {
                    var connection = await _listener.AcceptAsync(_stop.Token);
                    connection.NoDelay = true;
                    Connections++;
                    connections.RemoveAll(static served => served.IsCompletedSuccessfully);
                    connections.Add(Task.Run(() => ServeAsync(connection)));
                }
            }
            catch (Exception ended) when (ended is OperationCanceledException or TimeoutException)
            {
                await Task.WhenAll(connections);
            }
        }

        private async Task ServeAsync(Socket connection)
        {
            using var owned = connection;
            try
            {
                var goesOn = true;
                while (goesOn && await ReadAsync(connection) is { } exchange)
                {
                    try
                    {
                        goesOn = await AnswerAsync(connection, exchange);
                    }
                    finally
                    {
                        exchange.Answered.SetResult();
                    }
                }
            }
            catch (SocketException)
            {
                // The client has closed it.
            }
        }

        private async Task<Exchange?> ReadAsync(Socket connection)
        {
            var head = await ScriptedListener.ReadUntilAsync(connection, "\r\n\r\n");
            var at = head.IndexOf("x-number: ", StringComparison.Ordinal);
            if (head.Length == 0)
            {
                return null;
            }

            if (at < 0 || !int.TryParse(head.AsSpan(at + 10, 4), out var number))
            {
                Unexpected.Enqueue(head);
                return null;
            }

            var exchange = _exchanges[number];
            exchange.See();
            var whole = head + (exchange.Fault == Fault.AnsweredEarly ? string.Empty : await RestAsync(connection, exchange, head));
            if (exchange.Fault != Fault.AnsweredEarly && !whole.EndsWith(Expected(exchange), StringComparison.Ordinal))
            {
                Unexpected.Enqueue(whole);
            }

            exchange.Received.TrySetResult();
            return exchange;
        }

        private static async Task<string> RestAsync(Socket connection, Exchange exchange, string head) =>
            head.EndsWith(Expected(exchange), StringComparison.Ordinal) ? string.Empty : await ScriptedListener.ReadUntilAsync(connection, Rest(exchange, head));

        private static string Expected(Exchange exchange) => exchange.Upload switch
        {
            Upload.None => "\r\n\r\n",
            Upload.Length => $"\r\n\r\n{exchange.Name}",
            _ => $"\r\n\r\n4\r\n{exchange.Name}\r\n0\r\n\r\n",
        };

        // What is still to come: a head may bring the body's beginning along.
        private static string Rest(Exchange exchange, string head)
        {
            var expected = Expected(exchange);
            return expected[(head.Length - head.IndexOf("\r\n\r\n", StringComparison.Ordinal))..];
        }

        /// <summary>Returns whether the connection goes on.</summary>
        private static async Task<bool> AnswerAsync(Socket connection, Exchange exchange)
        {
            var answer = exchange.Answer;
            var from = 0;
            foreach (var cut in exchange.Cuts.Append(answer.Length))
            {
                var to = Math.Min(cut, answer.Length);
                if (to > from)
                {
                    await connection.SendAsync(answer.AsMemory(from, to - from));
                    Thread.SpinWait(exchange.Spin / 10);
                }

                from = Math.Max(from, to);
            }

            switch (exchange.Fault)
            {
                case Fault.SurplusLater:
                    Thread.SpinWait(exchange.Spin);
                    await connection.SendAsync(Exchange.Unasked);
                    return true;
                case Fault.ResetUnanswered or Fault.ResetIdle:
                    Thread.SpinWait(exchange.Spin);
                    connection.LingerState = new LingerOption(true, 0);
                    return false;
                case Fault.ClosedIdle:
                    Thread.SpinWait(exchange.Spin);
                    return false;
                case Fault.AnsweredEarly:
                    // A close with something unread would take the answer back.
                    await ScriptedListener.ReadToEndAsync(connection);
                    return false;
                case Fault.CutHead or Fault.CutBody or Fault.CutChunk or Fault.EndedByClose or Fault.CloseAnnounced:
                    return false;
                default:
                    return true;
            }
        }
    }
}

/// <summary>On the thread pool, over .NET's sockets.</summary>
public sealed class FaultSequenceOverSocketsTests() : FaultSequenceTests(null);

/// <summary>On an event loop, over its sockets.</summary>
public sealed class FaultSequenceOverLoopsTests() : FaultSequenceTests(Loop)
{
    private static readonly EventLoop Loop = new(0);
}
