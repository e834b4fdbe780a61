using System.Net;
using System.Text;

namespace Tollgate.Demo.Live;

/// <summary>A request's body as Claude Code writes it: the model first, then a prompt of some length, <c>stream</c> last.</summary>
internal sealed class PromptBody : HttpContent
{
    private const int FillerBytes = 64 * 1024;

    private static readonly byte[] Filler = Encoding.ASCII.GetBytes(string.Concat(Enumerable.Repeat("The quick brown fox jumps over the lazy dog. ", 1 + (FillerBytes / 45)))[..FillerBytes]);

    private readonly byte[] _head;
    private readonly byte[] _tail;
    private readonly long _length;

    /// <summary>A body of <paramref name="length"/> bytes, or of the few that it needs at least.</summary>
    public PromptBody(string model, long length, bool isStream)
    {
        _head = Encoding.ASCII.GetBytes($$"""{"model":"{{model}}","messages":[{"role":"user","content":"Simulated. """);
        _tail = Encoding.ASCII.GetBytes($$""" "}],"max_tokens":16000,"stream":{{(isStream ? "true" : "false")}}}""");
        _length = Math.Max(length, _head.Length + _tail.Length);
        Headers.ContentType = new("application/json");
    }

    /// <inheritdoc/>
    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context)
    {
        await stream.WriteAsync(_head);
        for (var left = _length - _head.Length - _tail.Length; left > 0; left -= FillerBytes)
        {
            await stream.WriteAsync(Filler.AsMemory(0, (int)Math.Min(left, FillerBytes)));
        }

        await stream.WriteAsync(_tail);
    }

    /// <inheritdoc/>
    protected override bool TryComputeLength(out long length)
    {
        length = _length;
        return true;
    }
}
