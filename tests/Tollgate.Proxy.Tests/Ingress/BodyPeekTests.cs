using System.Text;
using System.Text.Json;
using CsCheck;
using Tollgate.Proxy.Ingress;
using Tollgate.Testing;

namespace Tollgate.Proxy.Tests.Ingress;

public sealed class BodyPeekTests
{
    [Theory]
    [InlineData("""{"model":"claude-opus-5-5","messages":[]}""", "claude-opus-5-5")]
    [InlineData("""{"max_tokens":10,"model":"claude-haiku-4-5"}""", "claude-haiku-4-5")]
    [InlineData("""  { "messages" : [ {"role":"user","content":"\"model\":\"no\""} ] , "model" : "yes" }""", "yes")]
    [InlineData("""{"messages":[{"model":"nested"}],"metadata":{"model":"deeper"},"model":"outer"}""", "outer")]
    [InlineData("""{"a":"model","b":["model","x"],"model":"c"}""", "c")]
    [InlineData("""{"a":"model","b":"not a model"}""", "")]
    [InlineData("""{"model":{"model":"in an object"}}""", "")]
    [InlineData("""{"model":null,"x":"y"}""", "")]
    [InlineData("""["model","claude"]""", "")]
    [InlineData("""{"models":"no","mode":"no","model":"yes"}""", "yes")]
    [InlineData("""{"x":"ends with a backslash \\","model":"yes"}""", "yes")]
    [InlineData("""{"x":"quote \" and brace } inside","model":"yes"}""", "yes")]
    [InlineData("not json at all", "")]
    [InlineData("", "")]
    public void The_model_is_the_string_under_the_outermost_model_key_however_the_body_is_cut(string body, string model)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        foreach (var pieces in EverySplit.InTwo(bytes))
        {
            Assert.Equal(model, Peek(pieces));
        }

        Assert.Equal(model, Peek([.. bytes.Select(static b => new ReadOnlyMemory<byte>([b]))]));
    }

    [Fact]
    public void A_byte_order_mark_before_the_object_is_passed_over() =>
        Assert.Equal("m", Peek([new byte[] { 0xEF, 0xBB, 0xBF }, "{\"model\":\"m\"}"u8.ToArray()]));

    [Fact]
    public void The_peek_ends_at_the_model_and_leaves_the_rest_unread()
    {
        var peek = new BodyPeek();
        peek.Feed("{\"model\":\"claude-opus-5-5\""u8);
        Assert.True(peek.IsDone);
    }

    [Fact]
    public void Arbitrary_bytes_never_throw() =>
        Gen.Byte.Array[0, 300].Sample(static bytes => new BodyPeek().Feed(bytes));

    [Fact]
    public void Any_object_with_one_model_key_yields_what_a_parser_finds()
    {
        var text = Gen.String[Gen.Char[' ', '~'], 0, 12];
        Gen.Select(Gen.Dictionary(text.Where(static key => key != "model"), text)[0, 6], Gen.String[Gen.Char['a', 'z'], 1, 20], Gen.Int[0, 6])
            .Sample(static (others, model, position) =>
            {
                var members = others.Select(static pair => KeyValuePair.Create(pair.Key, pair.Value)).ToList();
                members.Insert(Math.Min(position, members.Count), KeyValuePair.Create("model", model));
                var json = "{" + string.Join(",", members.Select(static m => JsonSerializer.Serialize(m.Key) + ":" + JsonSerializer.Serialize(m.Value))) + "}";
                return Peek([Encoding.UTF8.GetBytes(json)]) == model;
            });
    }

    private static string Peek(ReadOnlyMemory<byte>[] pieces)
    {
        var peek = new BodyPeek();
        foreach (var piece in pieces)
        {
            peek.Feed(piece.Span);
        }

        return peek.Model;
    }
}
