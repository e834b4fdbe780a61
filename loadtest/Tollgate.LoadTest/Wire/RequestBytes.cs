using System.Globalization;
using System.Text;

namespace Tollgate.LoadTest.Wire;

/// <summary>Requests as Claude Code writes them, made once and sent many times.</summary>
/// <remarks>Source: headers and the order of the body's keys as Claude Code 2.1.330 sends them.</remarks>
internal static class RequestBytes
{
    /// <summary>The model of every request; it has a price.</summary>
    public const string Model = "claude-opus-4-8";

    // Prose with what a scanner has to step over: quotes, escapes, braces, brackets and two-byte characters.
    private const string Prose = "The file \\\"src/Relay.cs\\\" begins with {\\n  \\\"usage\\\": [1, 2, 3]\\n} and says grüße to nobody. ";

    /// <summary>A whole request.</summary>
    /// <param name="port">Port that it is sent to, for <c>Host</c>.</param>
    /// <param name="bodyBytes">Size of its body.</param>
    /// <param name="streams">Whether it asks for server-sent events.</param>
    /// <param name="key">The client's credential.</param>
    public static byte[] Create(int port, int bodyBytes, bool streams, string key)
    {
        var body = Body(bodyBytes, streams);
        var head = string.Create(CultureInfo.InvariantCulture, $"""
            POST /v1/messages?beta=true HTTP/1.1
            Accept: application/json
            Content-Type: application/json
            User-Agent: claude-cli/2.1.330 (external, sdk-cli)
            X-Claude-Code-Session-Id: 4ad1ce70-04c7-4a0b-9d0e-2b6bd5a1f9c3
            X-Stainless-Arch: x64
            X-Stainless-Lang: js
            X-Stainless-OS: Linux
            X-Stainless-Package-Version: 0.128.0
            X-Stainless-Retry-Count: 0
            X-Stainless-Runtime: node
            X-Stainless-Runtime-Version: v26.12.1
            X-Stainless-Timeout: 600
            anthropic-beta: claude-code-20250219,interleaved-thinking-2025-05-14,context-management-2025-06-27,thinking-token-count-2026-05-13,effort-2025-11-24
            anthropic-dangerous-direct-browser-access: true
            anthropic-version: 2023-06-01
            x-api-key: {key}
            x-app: cli
            Connection: keep-alive
            Host: 127.0.0.1:{port}
            Accept-Encoding: gzip, deflate, br, zstd
            Content-Length: {body.Length}


            """).ReplaceLineEndings("\r\n");
        return [.. Encoding.ASCII.GetBytes(head), .. body];
    }

    private static byte[] Body(int bytes, bool streams)
    {
        const string start = $$"""{"model":"{{Model}}","messages":[{"role":"user","content":[{"type":"text","text":"> """;
        var end = streams
            ? """
              "}]}],"system":[{"type":"text","text":"You are Claude Code."}],"metadata":{"user_id":"{\"session_id\":\"4ad1ce70-04c7-4a0b-9d0e-2b6bd5a1f9c3\"}"},"max_tokens":32000,"stream":true}
              """
            : """
              "}]}],"max_tokens":1024}
              """;
        var filler = bytes - start.Length - end.Length;
        ArgumentOutOfRangeException.ThrowIfNegative(filler, nameof(bytes));
        var text = new StringBuilder(start, bytes);
        var room = filler;
        for (var cost = Encoding.UTF8.GetByteCount(Prose); room >= cost; room -= cost)
        {
            text.Append(Prose);
        }

        return Encoding.UTF8.GetBytes(text.Append(' ', room).Append(end).ToString());
    }
}
