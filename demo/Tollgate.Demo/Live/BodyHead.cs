using System.Text;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Http;

namespace Tollgate.Demo.Live;

/// <summary>What the simulated provider reads of a request: its model, whether it asks for a stream, its length. The rest is passed over.</summary>
/// <param name="Model">The model asked for.</param>
/// <param name="IsStream">Whether a stream is asked for.</param>
/// <param name="Length">Bytes of the body.</param>
internal readonly partial record struct BodyHead(string Model, bool IsStream, long Length)
{
    // Claude Code writes model first and stream last.
    private const int Kept = 512;

    /// <summary>Reads a body to its end.</summary>
    public static async Task<BodyHead> ReadAsync(HttpRequest request)
    {
        var first = new StringBuilder(Kept);
        var last = string.Empty;
        long length = 0;
        while (true)
        {
            var read = await request.BodyReader.ReadAsync(request.HttpContext.RequestAborted);
            foreach (var segment in read.Buffer)
            {
                length += segment.Length;
                var text = Encoding.Latin1.GetString(segment.Span.Length <= 2 * Kept ? segment.Span : segment.Span[^Kept..]);
                if (first.Length < Kept)
                {
                    first.Append(Encoding.Latin1.GetString(segment.Span[..Math.Min(segment.Length, Kept - first.Length)]));
                }

                last = last + text is { Length: > Kept } long_ ? long_[^Kept..] : last + text;
            }

            request.BodyReader.AdvanceTo(read.Buffer.End);
            if (read.IsCompleted)
            {
                break;
            }
        }

        var model = Model_().Match(first.ToString());
        return new BodyHead(model.Success ? model.Groups[1].Value : "claude-opus-5-5", Stream_().IsMatch(last), length);
    }

    [GeneratedRegex("\"model\"\\s*:\\s*\"([^\"]{1,128})\"")]
    private static partial Regex Model_();

    [GeneratedRegex("\"stream\"\\s*:\\s*true")]
    private static partial Regex Stream_();
}
