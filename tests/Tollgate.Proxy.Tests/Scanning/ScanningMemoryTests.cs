using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Scanning;
using Tollgate.Testing;

namespace Tollgate.Proxy.Tests.Scanning;

public sealed class ScanningMemoryTests
{
    private const int PieceBytes = 64 * 1024;

    [Theory]
    [InlineData("text/event-stream", 0)]
    [InlineData("text/event-stream", 97)]
    [InlineData("application/json", 0)]
    [InlineData("application/json", 97)]
    public void Scanning_a_warm_answer_allocates_nothing(string contentType, int pieceBytes)
    {
        var answer = RecordedStreams.Bytes(contentType == "application/json" ? RecordedStreams.WholeMessage : string.Concat(RecordedStreams.Streams
            .Where(stream => stream.Key is not (nameof(RecordedStreams.InvalidFigures) or nameof(RecordedStreams.Unusual))).Select(stream => stream.Value)));
        for (var round = 0; round < 50; round++)
        {
            Run();
        }

        Assert.Equal(0, Allocations.Least(Run));

        void Run()
        {
            var tap = ResponseTap.Rent(Operation.Messages);
            tap.OnHead(200, contentType, null);
            for (var at = 0; at < answer.Length; at += pieceBytes == 0 ? answer.Length : pieceBytes)
            {
                tap.OnBytes(answer.AsSpan(at, pieceBytes == 0 ? answer.Length : Math.Min(pieceBytes, answer.Length - at)), 1);
            }

            tap.OnEnd();
            ResponseTap.Return(tap);
        }
    }

    [Fact]
    public void An_event_of_32_MiB_is_passed_over_and_those_around_it_are_read()
    {
        var (report, allocated) = Flood(
            RecordedStreams.Start("{\"input_tokens\":5}") + "event: message_delta\ndata: {\"x\":\"",
            32 * 1024 * 1024,
            "\"}\n\n" + RecordedStreams.MessageDelta("end_turn", "{\"output_tokens\":6}"));
        Assert.Equal((5, 6, true), (report.Tokens.Input, report.Tokens.Output, report.EventOversize));
        Assert.InRange(allocated, 0, 6 * 1024 * 1024);
    }

    [Fact]
    public void A_gibibyte_without_a_line_end_passes_at_constant_memory()
    {
        var (report, allocated) = Flood("data: ", 1024L * 1024 * 1024, string.Empty);
        Assert.False(report.MessageStarted);
        Assert.InRange(allocated, 0, 6 * 1024 * 1024);
    }

    [Theory]
    [InlineData(SseScanner.MaxEventBytes, false)]
    [InlineData(SseScanner.MaxEventBytes + 1, true)]
    public void The_limit_of_an_event_does_not_depend_on_how_it_is_cut(int length, bool isOversize)
    {
        const string head = "{\"type\":\"message_delta\",\"usage\":{\"output_tokens\":3},\n\"x\":\"";
        var stream = RecordedStreams.Bytes("data:" + head.Replace("\n", "\ndata: ") + new string('x', length - head.Length - 2) + "\"}\n\n");
        foreach (var pieces in EverySplit.AtRandom(stream, 30, 0, 4, seed: 4))
        {
            var seen = Tapped.Read(200, "text/event-stream", null, pieces, report => (report.EventOversize, report.Tokens.Output));
            Assert.Equal((isOversize, isOversize ? -1 : 3), seen);
        }
    }

    [Fact]
    public void A_hundred_thousand_pings_leave_nothing_behind()
    {
        var ping = RecordedStreams.Bytes(": keep\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\n");
        var tap = ResponseTap.Rent(Operation.Messages);
        tap.OnHead(200, "text/event-stream", null);
        tap.OnBytes(ping, 1);
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var count = 0; count < 100_000; count++)
            {
                tap.OnBytes(ping, 1);
            }
        }));
    }

    private static (UsageReport Report, long Allocated) Flood(string head, long filling, string tail)
    {
        var piece = new byte[PieceBytes];
        piece.AsSpan().Fill((byte)'x');
        var tap = ResponseTap.Rent(Operation.Messages);
        tap.OnHead(200, "text/event-stream", null);
        var before = GC.GetAllocatedBytesForCurrentThread();
        tap.OnBytes(RecordedStreams.Bytes(head), 1);
        for (long at = 0; at < filling; at += piece.Length)
        {
            tap.OnBytes(piece, 1);
        }

        tap.OnBytes(RecordedStreams.Bytes(tail), 1);
        tap.OnEnd();
        return (tap.Report, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
