using System.Buffers;
using System.Text;

namespace Tollgate.Proxy.Tests.Ingress;

/// <summary>Bodies of <c>POST /v1/messages</c> in the shapes that clients send; their texts are made up.</summary>
internal static class SampleBodies
{
    /// <summary>The order of fields of Claude Code 2.1.330 with an API key: model first, max_tokens near the end, stream last.</summary>
    public const string ClaudeCode =
        """
        {"model":"claude-opus-5-5","messages":[{"role":"user","content":[{"type":"text","text":"<system-reminder>\nAs you answer…\n</system-reminder>"},{"type":"text","text":"fix the \"build\"","cache_control":{"type":"ephemeral"}}]},
        {"role":"assistant","content":[{"type":"thinking","thinking":"","signature":"Eq8BCkYIBxgCKkA="},{"type":"tool_use","id":"toolu_01","name":"Edit","input":{"file_path":"/src/a.json","new_string":"{\"type\":\"image\"}","source":{"type":"url","url":"x"},"model":"no","max_tokens":1,"cache_control":{"ttl":"1h"}}}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_01","content":[{"type":"text","text":"ok"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgoAAAANSUhEUg=="}}]}]}],
        "system":[{"type":"text","text":"x-anthropic-billing-header: cc_version=2.1.330.440; cc_entrypoint=sdk-cli;"},{"type":"text","text":"You are Claude Code","cache_control":{"type":"ephemeral"}}],
        "tools":[{"name":"Edit","description":"Edits","input_schema":{"type":"object","properties":{"type":{"type":"string"},"max_uses":{"type":"integer"}}}},{"name":"Bash","description":"Runs","input_schema":{"type":"object","properties":{}}}],
        "metadata":{"user_id":"{\"device_id\":\"d\"}"},"max_tokens":128000,"thinking":{"type":"adaptive"},"context_management":{"edits":[{"type":"clear_thinking_20251015","keep":"all"}]},"output_config":{"effort":"medium"},"stream":true}
        """;

    /// <summary>The same client's side request for a search, with OAuth: one hour of cache, a tool with a limit.</summary>
    public const string WebSearch =
        """
        {"model":"claude-haiku-5-5","messages":[{"role":"user","content":[{"type":"text","text":"Search: x","cache_control":{"type":"ephemeral","ttl":"1h"}}]}],"tools":[{"type":"web_search_20250305","name":"web_search","max_uses":8}],"max_tokens":32000,"stream":true}
        """;

    /// <summary>The order of the C# SDK, with what few send.</summary>
    public const string Sdk =
        """
         { "max_tokens" : 1024 , "model":"claude-opus-4-8","speed":"fast","inference_geo":"us","service_tier":"auto","thinking":{"type":"enabled","budget_tokens":2048},
          "messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjQK"},"citations":{"enabled":false}},
          {"type":"document","source":{"type":"text","media_type":"text/plain","data":"plain"}},
          {"type":"document","source":{"type":"content","content":[{"type":"image","source":{"data":"AAAA","type":"base64"}}]}},
          {"type":"tool_result","content":[{"type":"tool_reference","tool_name":"Edit"}]}]}],
          "tools":[{"type":"bash_20250124","name":"bash"},{"type":"tool_search_tool_regex_20251119","name":"t"},{"type":"computer_toolset_20260801"},{"type":"custom","name":"Edit"}],
          "mcp_servers":[],"container":null,"stream":false }

        """;

    public static TheoryData<string> All => [ClaudeCode, WebSearch, Sdk];

    public static byte[] Bytes(string body) => Encoding.UTF8.GetBytes(body);

    /// <summary>One sequence with a segment for each piece, empty ones included.</summary>
    public static ReadOnlySequence<byte> Sequence(ReadOnlyMemory<byte>[] pieces)
    {
        var first = new Segment(pieces[0], 0);
        var last = first;
        foreach (var piece in pieces[1..])
        {
            last = last.Append(piece);
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index)
        {
            Memory = memory;
            RunningIndex = index;
        }

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            var next = new Segment(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
