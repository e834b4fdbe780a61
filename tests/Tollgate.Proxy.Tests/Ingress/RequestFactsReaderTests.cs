using System.Buffers;
using System.Text;
using System.Text.Json;
using CsCheck;
using Tollgate.Proxy.Ingress;
using Tollgate.Testing;

namespace Tollgate.Proxy.Tests.Ingress;

public sealed class RequestFactsReaderTests
{
    [Fact]
    public void Claude_Codes_body_tells_all_that_it_may_cost()
    {
        var facts = Complete(SampleBodies.ClaudeCode);
        Assert.Equal("claude-opus-5-5", facts.Model);
        Assert.Equal(128_000, facts.MaxTokens);
        Assert.True(facts.IsStream);
        Assert.Equal(CacheLifetime.FiveMinutes, facts.Cache); // What a tool was called with is no request for an hour.
        Assert.Equal((1, 24), (facts.Images, facts.ImageBase64Bytes));
        Assert.Equal(BeyondBody.None, facts.Beyond);
        Assert.Equal((0, 0, false), (facts.ProviderTools, facts.Documents, facts.SamplesAgain));
        Assert.Equal(Encoding.UTF8.GetByteCount(SampleBodies.ClaudeCode), facts.BodyBytes);
        Assert.Equal("""{"name":"Edit","description":"Edits","input_schema":{"type":"object","properties":{"type":{"type":"string"},"max_uses":{"type":"integer"}}}}""".Length, facts.LargestToolBytes);
    }

    [Fact]
    public void A_search_is_counted_by_its_limit()
    {
        var facts = Complete(SampleBodies.WebSearch);
        Assert.Equal((8, 1, true, CacheLifetime.OneHour), (facts.WebSearches, facts.ProviderTools, facts.SamplesAgain, facts.Cache));
        Assert.Equal(BeyondBody.None, facts.Beyond);
    }

    [Fact]
    public void An_SDKs_body_tells_what_few_send()
    {
        var facts = Complete(SampleBodies.Sdk);
        Assert.Equal((1024, 2048, "fast", "us", "auto"), (facts.MaxTokens, facts.ThinkingBudget, facts.Speed, facts.InferenceGeo, facts.ServiceTier));
        Assert.Equal((3, 1, 12), (facts.Documents, facts.Pdfs, facts.PdfBase64Bytes));
        Assert.Equal((1, 4, 1), (facts.Images, facts.ImageBase64Bytes, facts.ToolReferences));
        Assert.Equal((2, 1, true, false), (facts.ProviderTools, facts.ProviderToolsets, facts.SamplesAgain, facts.IsStream));
        Assert.Equal((CacheLifetime.None, BeyondBody.None, true), (facts.Cache, facts.Beyond, facts.IsFast));
    }

    [Theory]
    [MemberData(nameof(SampleBodies.All), MemberType = typeof(SampleBodies))]
    public void A_body_cut_anywhere_into_segments_tells_the_same(string body)
    {
        var whole = Show(Complete(body));
        var bytes = SampleBodies.Bytes(body);
        foreach (var pieces in EverySplit.InTwo(bytes))
        {
            Assert.Equal(whole, Show(Complete(SampleBodies.Sequence(pieces))));
        }

        foreach (var pieces in EverySplit.AtRandom(bytes, 300, 2, 40, seed: 7))
        {
            Assert.Equal(whole, Show(Complete(SampleBodies.Sequence(pieces))));
        }

        Assert.Equal(whole, Show(Complete(SampleBodies.Sequence(EverySplit.IntoBytes(bytes)))));
    }

    [Theory]
    [MemberData(nameof(SampleBodies.All), MemberType = typeof(SampleBodies))]
    public void Every_beginning_needs_more_and_tells_nothing_that_the_whole_does_not(string body)
    {
        var whole = Complete(body);
        var bytes = SampleBodies.Bytes(body.TrimEnd());
        var facts = new RequestFacts();
        for (var length = 0; length < bytes.Length; length++)
        {
            Assert.Equal(RequestFactsResult.NeedMore, RequestFactsReader.Read(new ReadOnlySequence<byte>(bytes, 0, length), facts));
            Assert.False(facts.IsComplete);
            Assert.True(facts.Model is "" || facts.Model == whole.Model);
            Assert.True(facts.MaxTokens is null || facts.MaxTokens == whole.MaxTokens);
            Assert.True(facts.Cache <= whole.Cache && facts.Images <= whole.Images && facts.ImageBase64Bytes <= whole.ImageBase64Bytes);
            Assert.True(facts.Documents <= whole.Documents && facts.Pdfs <= whole.Pdfs && facts.ToolReferences <= whole.ToolReferences);
            Assert.True(facts.WebSearches <= whole.WebSearches && (facts.Beyond & ~whole.Beyond) == 0);
        }

        // The same object again: what a beginning left behind does not show in the whole.
        Assert.Equal(RequestFactsResult.Complete, RequestFactsReader.Read(new ReadOnlySequence<byte>(SampleBodies.Bytes(body)), facts));
        Assert.Equal(Show(whole), Show(facts));
    }

    [Fact]
    public void The_model_is_known_as_soon_as_its_text_has_ended()
    {
        var facts = new RequestFacts();
        Assert.Equal(RequestFactsResult.NeedMore, RequestFactsReader.Read(new ReadOnlySequence<byte>("{\"model\":\"claude-opus-5-5\""u8.ToArray()), facts));
        Assert.Equal("claude-opus-5-5", facts.Model);
    }

    [Theory]
    [InlineData("""{"model":"a","model":"b"}""")]
    [InlineData("""{"model":"a","mod\u0065l":"b"}""")]
    [InlineData("""{"max_tokens":1,"max_tokens":100000}""")]
    [InlineData("""{"max_tokens":100000,"max_tokens":1}""")]
    [InlineData("""{"max_tokens":100000,"max\u005ftokens":1}""")]
    [InlineData("""{"max_tokens":1,"max_tokens":null}""")]
    [InlineData("""{"max_tokens":"1e5"}""")]
    [InlineData("""{"max_tokens":"100000"}""")]
    [InlineData("""{"max_tokens":1.5}""")]
    [InlineData("""{"max_tokens":-1}""")]
    [InlineData("""{"max_tokens":1e-40}""")]
    [InlineData("""{"max_tokens":1e400}""")]
    [InlineData("""{"max_tokens":99999999999999999999}""")]
    [InlineData("""{"max_tokens":NaN}""")]
    [InlineData("""{"max_tokens":0x10}""")]
    [InlineData("""{"max_tokens":010}""")]
    [InlineData("""{"max_tokens":true}""")]
    [InlineData("""{"max_tokens":[1]}""")]
    [InlineData("""{"model":null}""")]
    [InlineData("""{"model":["a"]}""")]
    [InlineData("""{"model":"\ud800"}""")]
    [InlineData("""{"stream":"yes"}""")]
    [InlineData("""{"speed":"standard","speed":"fast"}""")]
    [InlineData("""{"speed":"fast","speed":null}""")]
    [InlineData("""{"speed":1}""")]
    [InlineData("""{"inference_geo":"us","inference_geo":"global"}""")]
    [InlineData("""{"service_tier":"auto","service_tier":"standard_only"}""")]
    [InlineData("""{"thinking":{"budget_tokens":"1"}}""")]
    [InlineData("""{"thinking":{"budget_tokens":1},"thinking":{"budget_tokens":2}}""")]
    [InlineData("""{"model":"a"}{"model":"b"}""")]
    [InlineData("""{"model":"a"} x""")]
    [InlineData("{\"model\":\"a\"}\0")]
    [InlineData("\uFEFF{\"model\":\"a\"}")]
    [InlineData("""["model"]""")]
    [InlineData("\"model\"")]
    [InlineData("1 ")]
    [InlineData("null")]
    [InlineData("""{"model":"a",}""")]
    [InlineData("""{"model":"a" "max_tokens":1}""")]
    [InlineData("""{"model":"a",/* */"max_tokens":1}""")]
    [InlineData("""{'model':'a'}""")]
    [InlineData("""{model:"a"}""")]
    [InlineData("{\"x\":\"line\nbreak\"}")]
    [InlineData("""{"x":"\q"}""")]
    [InlineData("model=a&max_tokens=1")]
    public void What_two_readers_may_understand_differently_is_malformed(string body)
    {
        var facts = new RequestFacts();
        Assert.Equal(RequestFactsResult.Malformed, RequestFactsReader.Read(new ReadOnlySequence<byte>(SampleBodies.Bytes(body)), facts));
        Assert.NotNull(facts.Problem);
        Assert.False(facts.IsComplete);
        Assert.Equal(RequestFactsResult.Malformed, RequestFactsReader.Read(SampleBodies.Sequence(EverySplit.IntoBytes(SampleBodies.Bytes(body))), facts));
    }

    [Theory]
    [InlineData("""{"max_tokens":1e5}""", 100_000)]
    [InlineData("""{"max_tokens":1E+5}""", 100_000)]
    [InlineData("""{"max_tokens":100000.0}""", 100_000)]
    [InlineData("""{"max_tokens":0}""", 0)]
    [InlineData("""{"max_tokens":-0}""", 0)]
    [InlineData("""{"max_\u0074okens":7}""", 7)]
    [InlineData("""{"max_tokens":7,"max_tokens":7}""", 7)]
    [InlineData("""{"max_tokens":9223372036854775807}""", long.MaxValue)]
    public void A_limit_that_is_a_whole_number_is_read_however_it_is_written(string body, long limit) => Assert.Equal(limit, Complete(body).MaxTokens);

    [Theory]
    [InlineData("""{}""")]
    [InlineData("""{"max_tokens":null}""")]
    [InlineData("""{"messages":[{"max_tokens":5}],"metadata":{"max_tokens":6},"Max_Tokens":7}""")]
    public void A_limit_that_is_not_there_is_not_made_up(string body) => Assert.Null(Complete(body).MaxTokens);

    [Theory]
    [InlineData("""{"cache_control":{"type":"ephemeral"}}""", CacheLifetime.FiveMinutes)]
    [InlineData("""{"cache_control":null}""", CacheLifetime.None)]
    [InlineData("""{"cache_control":{"ttl":"5m"}}""", CacheLifetime.FiveMinutes)]
    [InlineData("""{"cache_control":{"ttl":null}}""", CacheLifetime.FiveMinutes)]
    [InlineData("""{"cache_control":{"ttl":"1h"}}""", CacheLifetime.OneHour)]
    [InlineData("""{"cache_control":{"\u0074tl":"1h"}}""", CacheLifetime.OneHour)]
    [InlineData("""{"cache_control":{"ttl":"1\u0068"}}""", CacheLifetime.OneHour)]
    [InlineData("""{"cache_control":{"ttl":"1h","ttl":"5m"}}""", CacheLifetime.OneHour)]
    [InlineData("""{"cache_control":{"ttl":"24h"}}""", CacheLifetime.OneHour)]
    [InlineData("""{"cache_control":{"ttl":3600}}""", CacheLifetime.OneHour)]
    [InlineData("""{"cache_control":"1h"}""", CacheLifetime.OneHour)]
    [InlineData("""{"cache\u005fcontrol":{"ttl":"1h"}}""", CacheLifetime.OneHour)]
    [InlineData("""{"system":[{"type":"text","text":"a","cache_control":{"ttl":"1h"}}]}""", CacheLifetime.OneHour)]
    [InlineData("""{"tools":[{"name":"a","cache_control":{"ttl":"1h"}}]}""", CacheLifetime.OneHour)]
    [InlineData("""{"messages":[{"cache_control":{"ttl":"1h"},"content":"x"}]}""", CacheLifetime.OneHour)]
    [InlineData("""{"messages":[{"content":[{"type":"tool_result","content":[{"type":"text","cache_control":{"ttl":"1h"}}]}]}]}""", CacheLifetime.OneHour)]
    [InlineData("""{"messages":[{"content":[{"type":"x","new":{"deep":[[{"cache_control":{"ttl":"1h"}}]]}}]}]}""", CacheLifetime.OneHour)]
    public void The_longest_lifetime_asked_for_counts_wherever_it_stands(string body, CacheLifetime lifetime) => Assert.Equal(lifetime, Complete(body).Cache);

    [Theory]
    [InlineData("""{"messages":[{"content":[{"type":"image","source":{"type":"url","url":"https://x"}}]}]}""", BeyondBody.UrlSource)]
    [InlineData("""{"messages":[{"content":[{"type":"document","source":{"url":"https://x","\u0074ype":"u\u0072l"}}]}]}""", BeyondBody.UrlSource)]
    [InlineData("""{"messages":[{"content":[{"type":"document","source":{"type":"file","file_id":"f"}}]}]}""", BeyondBody.FileSource)]
    [InlineData("""{"messages":[{"content":[{"type":"document","source":{"type":"s3","uri":"f"}}]}]}""", BeyondBody.FileSource)]
    [InlineData("""{"messages":[{"content":[{"type":"document","source":{"type":"text","type":"file"}}]}]}""", BeyondBody.FileSource)]
    [InlineData("""{"messages":[{"content":[{"type":"tool_result","content":[{"type":"image","source":{"type":"url"}}]}]}]}""", BeyondBody.UrlSource)]
    [InlineData("""{"messages":[{"content":[{"type":"container_upload","file_id":"f"}]}]}""", BeyondBody.FileSource)]
    [InlineData("""{"messages":[{"content":[{"type":"document","source":{"type":"text"},"citations":{"enabled":true}}]}]}""", BeyondBody.Citations)]
    [InlineData("""{"messages":[{"content":[{"type":"text","text":"a","citations":[{"type":"char_location"}]}]}]}""", BeyondBody.None)]
    [InlineData("""{"messages":[{"content":[{"type":"tool_addition","tool":{"type":"web_fetch_20260318","name":"web_fetch"}}]}]}""", BeyondBody.WebFetch)]
    [InlineData("""{"tools":[{"type":"web_fetch_20250910","max_uses":3,"max_content_tokens":10}]}""", BeyondBody.WebFetch)]
    [InlineData("""{"tools":[{"type":"web_search_20250305"}]}""", BeyondBody.EndlessWebSearch)]
    [InlineData("""{"tools":[{"type":"web_search_20250305","max_uses":null}]}""", BeyondBody.EndlessWebSearch)]
    [InlineData("""{"tools":[{"type":"web_search_20250305","max_uses":"3"}]}""", BeyondBody.EndlessWebSearch)]
    [InlineData("""{"tools":[{"type":"web_search_20250305","max_uses":1e9}]}""", BeyondBody.EndlessWebSearch)]
    [InlineData("""{"tools":[{"type":"web_search_20250305","max_uses":3,"max_uses":null}]}""", BeyondBody.EndlessWebSearch)]
    [InlineData("""{"tools":[{"type":"web_search_20260318","max_uses":3}]}""", BeyondBody.FilteredWebSearch)]
    [InlineData("""{"tools":[{"type":"code_execution_20260521"}]}""", BeyondBody.CodeExecution)]
    [InlineData("""{"tools":[{"type":"advisor_20260301","model":"claude-fable-5-2"}]}""", BeyondBody.Advisor)]
    [InlineData("""{"tools":[{"type":"mcp_toolset","mcp_server_name":"x"}]}""", BeyondBody.McpServers)]
    [InlineData("""{"tools":[{"type":"time_travel_20300101"}]}""", BeyondBody.UnknownTool)]
    [InlineData("""{"tools":[{"type":"custom","type":"web_fetch_20250910"}]}""", BeyondBody.WebFetch)]
    [InlineData("""{"tools":[{"type":7}]}""", BeyondBody.UnknownTool)]
    [InlineData("""{"tools":[{"type":"custom"},{"type":null},{"name":"a"},{"type":"memory_20250818"}]}""", BeyondBody.None)]
    [InlineData("""{"mcp_servers":[{"url":"https://x"}]}""", BeyondBody.McpServers)]
    [InlineData("""{"container":"c_1"}""", BeyondBody.Container)]
    [InlineData("""{"container":{"skills":[{"skill_id":"pdf"}]}}""", BeyondBody.Container)]
    [InlineData("""{"compaction":{"type":"summarize"}}""", BeyondBody.Compaction)]
    [InlineData("""{"context_management":{"edits":[{"type":"clear_tool_uses_20250919"},{"type":"compact_20260112"}]}}""", BeyondBody.Compaction)]
    [InlineData("""{"context_management":{"edits":[{"type":"expand_20300101"}]}}""", BeyondBody.Compaction)]
    [InlineData("""{"context_management":{"edits":[{"type":"compact_20260112","type":"clear_x"}]}}""", BeyondBody.Compaction)]
    [InlineData("""{"context_management":{"edits":[]}}""", BeyondBody.None)]
    [InlineData("""{"fallbacks":"default"}""", BeyondBody.Fallbacks)]
    [InlineData("""{"fallbacks":[{"model":"claude-opus-5"}]}""", BeyondBody.Fallbacks)]
    [InlineData("""{"fallbacks":[]}""", BeyondBody.None)]
    [InlineData("""{"thread":{"type":"continue","previous_message_id":"m"}}""", BeyondBody.Thread)]
    [InlineData("""{"\u0074hread":{"type":"create"}}""", BeyondBody.Thread)]
    [InlineData("""{"thread":null,"compaction":null,"container":null,"mcp_servers":null,"fallbacks":null,"context_management":null}""", BeyondBody.None)]
    public void What_the_body_does_not_show_is_named(string body, BeyondBody beyond) => Assert.Equal(beyond, Complete(body).Beyond);

    [Theory]
    [InlineData("""[{"type":"image","source":{"type":"base64","data":"AAAA"}}]""", 1, 4)]
    [InlineData("""[{"source":{"data":"AAAA","type":"base64"},"type":"image"}]""", 1, 4)]
    [InlineData("""[{"type":"image","type":"text","text":"t","source":{"type":"base64","data":"AAAA"}}]""", 1, 0)]
    [InlineData("""[{"type":"image","source":{"type":"base64","data":"AAAA"},"source":{"type":"base64","data":"A"}}]""", 1, 0)]
    [InlineData("""[{"type":"image","source":{"type":"base64","data":"AAAA","data":"A"}}]""", 1, 0)]
    [InlineData("""[{"type":"text","text":"t","source":{"type":"base64","data":"AAAA"}}]""", 0, 0)]
    [InlineData("""[{"type":"tool_use","input":{"type":"image","source":{"type":"base64","data":"AAAA"}}}]""", 0, 0)]
    [InlineData("""[{"type":"new","new":{"type":"image","source":{"type":"base64","data":"AAAA"}}}]""", 1, 0)]
    [InlineData("""[[{"type":"image","source":{"type":"base64","data":"AAAA"}}]]""", 1, 0)]
    public void Base64_is_no_text_only_where_it_can_be_nothing_else(string content, long images, long bytes)
    {
        var facts = Complete($$"""{"messages":[{"role":"user","content":{{content}}}]}""");
        Assert.Equal((images, bytes), (facts.Images, facts.ImageBase64Bytes));
    }

    [Fact]
    public void Depth_has_a_limit_and_costs_no_stack()
    {
        var facts = new RequestFacts();
        foreach (var (open, close) in new[] { ("[", "]"), ("{\"content\":", "}"), ("{\"source\":", "}") })
        {
            var body = $$"""{"messages":{{string.Concat(Enumerable.Repeat(open, 200))}}1{{string.Concat(Enumerable.Repeat(close, 200))}}}""";
            Assert.Equal(RequestFactsResult.Complete, RequestFactsReader.Read(new ReadOnlySequence<byte>(SampleBodies.Bytes(body)), facts));
            body = $$"""{"messages":{{string.Concat(Enumerable.Repeat(open, 100_000))}}""";
            Assert.Equal(RequestFactsResult.Malformed, RequestFactsReader.Read(new ReadOnlySequence<byte>(SampleBodies.Bytes(body)), facts));
        }
    }

    [Fact]
    public void Arbitrary_bytes_never_throw()
    {
        var facts = new RequestFacts();
        Gen.Byte.Array[0, 200].Sample(bytes => RequestFactsReader.Read(new ReadOnlySequence<byte>(bytes), facts), iter: 2_000, threads: 1);
        var sample = SampleBodies.Bytes(SampleBodies.Sdk);
        Gen.Select(Gen.Int[0, sample.Length - 1], Gen.Byte).Sample((at, value) =>
        {
            var bytes = (byte[])sample.Clone();
            bytes[at] = value;
            RequestFactsReader.Read(new ReadOnlySequence<byte>(bytes), facts);
        }, iter: 3_000, threads: 1);
    }

    [Fact]
    public void Any_object_is_whole_exactly_when_a_parser_says_so()
    {
        var facts = new RequestFacts();
        string[] known = ["{", "}", "[", "]", ",", ":", "\"a\"", "\"model\"", "\"messages\"", "1", "null", " ", "\"source\"", "{\"a\":1}"];
        Gen.Int[0, known.Length - 1].Select(at => known[at]).Array[0, 12].Sample(pieces =>
        {
            var body = "{" + string.Concat(pieces) + "}";
            var isWhole = RequestFactsReader.Read(new ReadOnlySequence<byte>(SampleBodies.Bytes(body)), facts) == RequestFactsResult.Complete;
            var isValid = IsJson(body);
            Assert.True(!isWhole || isValid);
            Assert.True(isWhole || !isValid || facts.Problem!.StartsWith("has a model", StringComparison.Ordinal));
        }, iter: 20_000, threads: 1);

        static bool IsJson(string text)
        {
            try
            {
                using var _ = JsonDocument.Parse(text);
                return true;
            }
            catch (JsonException)
            {
                return false;
            }
        }
    }

    [Theory]
    [MemberData(nameof(SampleBodies.All), MemberType = typeof(SampleBodies))]
    public void Reading_a_body_allocates_nothing(string body)
    {
        var facts = new RequestFacts();
        var bytes = SampleBodies.Bytes(body);
        var whole = new ReadOnlySequence<byte>(bytes);
        ReadOnlySequence<byte>[] cuts = [.. EverySplit.InTwo(bytes).Select(SampleBodies.Sequence)];
        Once();

        Assert.Equal(0, Allocations.Least(Once));

        void Once()
        {
            RequestFactsReader.Read(whole, facts);
            for (var length = 0; length < bytes.Length; length++)
            {
                RequestFactsReader.Read(cuts[length], facts);
                RequestFactsReader.Read(whole.Slice(0, length), facts);
            }
        }
    }

    private static RequestFacts Complete(string body) => Complete(new ReadOnlySequence<byte>(SampleBodies.Bytes(body)));

    private static RequestFacts Complete(in ReadOnlySequence<byte> body)
    {
        var facts = new RequestFacts();
        Assert.Equal(RequestFactsResult.Complete, RequestFactsReader.Read(body, facts));
        Assert.Null(facts.Problem);
        return facts;
    }

    private static string Show(RequestFacts facts) => JsonSerializer.Serialize(facts);
}
