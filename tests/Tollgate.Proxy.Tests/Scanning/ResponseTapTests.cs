using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Scanning;
using Tollgate.Testing;

namespace Tollgate.Proxy.Tests.Scanning;

public sealed class ResponseTapTests
{
    private static readonly byte[] Stream = RecordedStreams.Bytes(RecordedStreams.PlainText);

    [Theory]
    [InlineData("text/event-stream")]
    [InlineData("Text/Event-Stream ; charset=UTF-8")]
    [InlineData(null)]
    [InlineData("")]
    public void A_stream_is_known_by_its_content_type_or_its_first_byte(string? contentType)
    {
        var tap = Tap(Operation.Messages, 200, contentType, Stream);
        Assert.True(tap.IsStream);
        Assert.Equal(2745, tap.Report.Tokens.Output);
        Assert.False(tap.LacksEnd);
    }

    [Theory]
    [InlineData("application/json")]
    [InlineData("APPLICATION/JSON; charset=utf-8")]
    [InlineData(null)]
    public void A_whole_answer_is_known_by_its_content_type_or_its_first_byte(string? contentType)
    {
        var tap = Tap(Operation.Messages, 200, contentType, RecordedStreams.Bytes(" \n" + RecordedStreams.WholeMessage));
        Assert.False(tap.IsStream);
        Assert.True(tap.Report is { MessageStarted: true, MessageStopped: true, FinalUsageSeen: true, ContentSeen: true });
        Assert.Equal(159217, tap.Report.Tokens.CacheWrite);
        Assert.Equal(6, tap.Report.Tokens.Input);
    }

    [Theory]
    [InlineData(Operation.Messages)]
    [InlineData(Operation.CountTokens)]
    [InlineData(Operation.Other)]
    public void Of_an_error_answer_only_the_kind_of_error_is_read(Operation operation)
    {
        var report = Tap(operation, 429, "application/json", RecordedStreams.Bytes(RecordedStreams.WholeError)).Report;
        Assert.Equal("rate_limit_error", report.ErrorType);
        Assert.False(report.MessageStarted);
        Assert.False(report.ErrorSeen);
    }

    [Theory]
    [InlineData(413)]
    [InlineData(200)]
    public void A_page_of_html_says_nothing(int status)
    {
        var report = Tap(Operation.Messages, status, "text/html", "<html>usage</html>"u8.ToArray()).Report;
        Assert.Null(report.ErrorType);
        Assert.False(report.MessageStarted);
        Assert.False(report.UsageInvalid);
    }

    [Theory]
    [InlineData(Operation.CountTokens)]
    [InlineData(Operation.Models)]
    [InlineData(Operation.Batches)]
    [InlineData(Operation.Other)]
    public void Nothing_but_messages_reports_usage(Operation operation)
    {
        Assert.Equal(ReportedTokens.NotReported, Tap(operation, 200, "application/json", RecordedStreams.Bytes(RecordedStreams.WholeMessage)).Report.Tokens.Input);
        Assert.Equal(ReportedTokens.NotReported, Tap(operation, 200, "text/event-stream", Stream).Report.Tokens.Input);
    }

    [Fact]
    public void The_largest_gap_is_the_longest_silence_between_reads_with_bytes()
    {
        var tap = ResponseTap.Rent(Operation.Messages);
        tap.OnHead(200, "text/event-stream", null);
        tap.OnBytes(Stream.AsSpan(0, 10), 100);
        tap.OnBytes([], 190);
        tap.OnBytes(Stream.AsSpan(10, 10), 250);
        tap.OnBytes(Stream.AsSpan(20), 300);
        Assert.Equal((150, 300, 300), (tap.Report.LargestGap, tap.Report.LastBytesAt, tap.Report.FirstContentAt));
        ResponseTap.Return(tap);
    }

    [Theory]
    [InlineData("\"usage\":{\"output_tokens\":5},\"cont", true)]
    [InlineData("\"usage\":{\"output_tokens\":5", false)]
    public void A_whole_answer_that_breaks_off_keeps_the_usage_it_had_finished(string tail, bool isFinal)
    {
        var report = Tap(Operation.Messages, 200, "application/json", RecordedStreams.Bytes("{\"id\":\"msg_1\",\"model\":\"m\"," + tail)).Report;
        Assert.Equal(isFinal, report.FinalUsageSeen);
        Assert.True(report.MessageStarted);
        Assert.False(report.MessageStopped);
    }

    // Start, delta and iterations each with a figure absent, null, zero or given; the model is one line per rule.
    [Fact]
    public void Figures_merge_as_the_table_says()
    {
        string[] forms = [string.Empty, "null", "0", "7"];
        string[] names = ["input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens"];
        foreach (var name in names)
        {
            foreach (var start in forms)
            {
                foreach (var delta in forms)
                {
                    foreach (var last in forms)
                    {
                        var stream = RecordedStreams.Start(Usage(name, start)) + RecordedStreams.MessageDelta("end_turn", Usage(name, delta))
                            + RecordedStreams.MessageDelta("end_turn", Usage(name, last, last));
                        var report = Tap(Operation.Messages, 200, "text/event-stream", RecordedStreams.Bytes(stream)).Report;
                        Assert.Equal(Model(last) ?? Model(delta) ?? Model(start) ?? ReportedTokens.NotReported, Figure(report.Tokens, name));
                        Assert.Equal(Model(last) ?? ReportedTokens.NotReported, Figure(Assert.Single(report.Iterations).Tokens, name));
                        Assert.Equal(name == "output_tokens" && (Model(delta) ?? Model(last)) is not null, report.FinalUsageSeen);
                        Assert.False(report.UsageInvalid);
                    }
                }
            }
        }

        static long? Model(string form) => form is "" or "null" ? null : long.Parse(form, System.Globalization.CultureInfo.InvariantCulture);

        static string Usage(string name, string form, string? step = null)
        {
            var figure = form.Length == 0 ? string.Empty : $"\"{name}\":{form}";
            return step is null ? $"{{{figure}}}" : $"{{{figure}{(figure.Length > 0 ? "," : "")}\"iterations\":[{{\"type\":\"message\"{(figure.Length > 0 ? "," : "")}{figure}}}]}}";
        }

        static long Figure(ReportedTokens tokens, string name) => name switch
        {
            "input_tokens" => tokens.Input,
            "cache_read_input_tokens" => tokens.CacheRead,
            "cache_creation_input_tokens" => tokens.CacheWrite,
            _ => tokens.Output,
        };
    }

    [Fact]
    public void The_cache_split_of_the_start_outlives_deltas_that_have_none()
    {
        var tokens = Tap(Operation.Messages, 200, "text/event-stream", RecordedStreams.Bytes(RecordedStreams.WebSearch)).Report.Tokens;
        Assert.Equal((184457, 31490, 0), (tokens.CacheWrite, tokens.CacheWrite5m, tokens.CacheWrite1h));
    }

    private static ResponseTap Tap(Operation operation, int status, string? contentType, byte[] bytes)
    {
        var tap = ResponseTap.Rent(operation);
        tap.OnHead(status, contentType, null);
        tap.OnBytes(bytes, Timestamps.Only);
        tap.OnEnd();
        return tap;
    }
}
