using System.IO.Pipelines;
using System.Text;
using Tollgate.Testing;
using Tollgate.Testing.Wire;

namespace Tollgate.EndToEnd;

/// <summary>The reader of the raw fakes does not care where its bytes were cut.</summary>
public sealed class HttpMessageReaderSelfChecks
{
    private const string Chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nrequest-id: req_1\r\n\r\n5\r\nhello\r\nB\r\n, w\r\n\r\nrld\n\r\n0\r\n\r\n";
    private const string Sized = "HTTP/1.1 529 Said\r\nX-Other: a\r\ncontent-LENGTH:  3\r\n\r\n{1}";

    [Fact]
    public async Task Two_messages_cut_in_two_anywhere_read_the_same()
    {
        foreach (var pieces in EverySplit.InTwo(Encoding.ASCII.GetBytes(Chunked + Sized)))
        {
            var pipe = new Pipe();
            var reader = new HttpMessageReader(pipe.Reader.AsStream());
            var reading = ReadTwoAsync(reader);
            foreach (var piece in pieces)
            {
                await pipe.Writer.WriteAsync(piece, TestContext.Current.CancellationToken);
                await Task.Yield();
            }

            await pipe.Writer.CompleteAsync();
            Assert.Equal((200, "hello, w\r\n\r\nrld\n", "req_1", Chunked, 529, "{1}", Sized), await reading);
        }
    }

    [Fact]
    public async Task A_message_cut_off_is_an_error_and_an_end_between_messages_is_not()
    {
        for (var cut = 1; cut < Chunked.Length; cut++)
        {
            var reader = new HttpMessageReader(new MemoryStream(Encoding.ASCII.GetBytes(Chunked[..cut])));
            await Assert.ThrowsAsync<EndOfStreamException>(async () => await reader.ReadAsync(CancellationToken.None));
        }

        Assert.False(await new HttpMessageReader(Stream.Null).ReadAsync(CancellationToken.None));
    }

    private static async Task<(int, string, string, string, int, string, string)> ReadTwoAsync(HttpMessageReader reader)
    {
        Assert.True(await reader.ReadAsync(CancellationToken.None));
        var first = (reader.Status, Encoding.ASCII.GetString(reader.Body), Encoding.ASCII.GetString(reader.Field("request-id"u8)), Encoding.ASCII.GetString(reader.Message.Span));
        Assert.True(await reader.ReadAsync(CancellationToken.None));
        return (first.Status, first.Item2, first.Item3, first.Item4, reader.Status, Encoding.ASCII.GetString(reader.Body), Encoding.ASCII.GetString(reader.Message.Span));
    }
}
