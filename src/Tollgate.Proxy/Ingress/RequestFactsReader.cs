using System.Buffers;
using System.Buffers.Text;
using System.Text.Json;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Ingress;

/// <summary>Reads what the body of a <c>POST /v1/messages</c> says about what it may cost.</summary>
/// <remarks>
/// One pass, and no state between calls: call it with the beginning once the model is known, and with the whole body if all facts are needed.
/// What decides about money is never taken low: the same field twice with different values is malformed, and so is a number written as text.
/// Keys are compared as they read, so that an escape hides none of them.
/// Hot path: no allocation but names, and those once per process; a malformed body costs one exception, which does not escape.
/// </remarks>
public static class RequestFactsReader
{
    // Deeper than any body of a known client; the reader needs one bit for each level.
    private const int MaxDepth = 256;

    /// <summary>Reads a body, or the beginning of one.</summary>
    /// <param name="body">All bytes so far, in any number of segments.</param>
    /// <param name="facts">Reset and filled; see there for what holds after each result.</param>
    public static RequestFactsResult Read(in ReadOnlySequence<byte> body, RequestFacts facts)
    {
        facts.Reset();
        facts.BodyBytes = body.Length;
        try
        {
            var walk = new Walk(body, facts);
            if (walk.ReadBody())
            {
                facts.IsComplete = IsBlank(body.Slice(walk.BytesRead));
                facts.Problem = facts.IsComplete ? null : "goes on after its JSON object";
            }
        }
        catch (JsonException)
        {
            facts.Problem = "is not valid JSON, or is nested deeper than 256 levels";
        }
        catch (InvalidOperationException)
        {
            facts.Problem = "has a name that is not valid Unicode";
        }

        return facts.IsComplete ? RequestFactsResult.Complete : facts.Problem is null ? RequestFactsResult.NeedMore : RequestFactsResult.Malformed;
    }

    private static bool IsBlank(in ReadOnlySequence<byte> rest)
    {
        foreach (var segment in rest)
        {
            if (segment.Span.ContainsAnyExcept(" \t\r\n"u8))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>One pass over a body.</summary>
    /// <remarks>Each step stands on the first token of a value and leaves on its last. False ends the pass: bytes are missing, or a problem was noted.</remarks>
    private ref struct Walk(in ReadOnlySequence<byte> body, RequestFacts facts)
    {
        // A name of NameTable.MaxBytes with each byte written as an escape of six.
        private const int LongestName = NameTable.MaxBytes * 6;

        // A tool with more uses than that is as good as one without a limit.
        private const long MostUses = 1_000_000;

        // Digits of a long and zeros behind a point; more than anybody writes.
        private const int LongestNumber = 64;

        private Utf8JsonReader _json = new(body, isFinalBlock: false, new JsonReaderState(new JsonReaderOptions { MaxDepth = MaxDepth }));
        private bool _modelSeen;
        private bool _maxTokensSeen;
        private bool _budgetSeen;
        private bool _speedSeen;
        private bool _geoSeen;
        private bool _tierSeen;

        private enum Source
        {
            None,
            Base64,
            Text,
            Elsewhere,
            Unknown,
        }

        public readonly long BytesRead => _json.BytesConsumed;

        private readonly long TokenBytes => _json.HasValueSequence ? _json.ValueSequence.Length : _json.ValueSpan.Length;

        public bool ReadBody()
        {
            if (!_json.Read())
            {
                return false;
            }

            if (_json.TokenType != JsonTokenType.StartObject)
            {
                return Fail("is not a JSON object");
            }

            while (_json.Read())
            {
                if (_json.TokenType == JsonTokenType.EndObject)
                {
                    return true;
                }

                if (!ReadField())
                {
                    return false;
                }
            }

            return false;
        }

        private bool ReadField()
        {
            if (_json.ValueTextEquals("model"u8))
            {
                return _json.Read() && ReadModel();
            }

            if (_json.ValueTextEquals("max_tokens"u8))
            {
                return _json.Read() && ReadMaxTokens();
            }

            if (_json.ValueTextEquals("messages"u8) || _json.ValueTextEquals("system"u8))
            {
                return _json.Read() && ReadContent(isTrusted: true);
            }

            if (_json.ValueTextEquals("tools"u8))
            {
                return _json.Read() && ReadTools();
            }

            if (_json.ValueTextEquals("stream"u8))
            {
                return _json.Read() && ReadStream();
            }

            if (_json.ValueTextEquals("thinking"u8))
            {
                return _json.Read() && ReadThinking();
            }

            if (_json.ValueTextEquals("cache_control"u8))
            {
                return _json.Read() && ReadCacheControl();
            }

            if (_json.ValueTextEquals("context_management"u8))
            {
                return _json.Read() && ReadContextManagement();
            }

            return ReadRareField();
        }

        private bool ReadRareField()
        {
            if (_json.ValueTextEquals("speed"u8))
            {
                return _json.Read() && ReadSpeed();
            }

            if (_json.ValueTextEquals("inference_geo"u8))
            {
                return _json.Read() && ReadGeo();
            }

            if (_json.ValueTextEquals("service_tier"u8))
            {
                return _json.Read() && ReadTier();
            }

            var beyond = BeyondBody.None;
            if (_json.ValueTextEquals("mcp_servers"u8))
            {
                beyond = BeyondBody.McpServers;
            }
            else if (_json.ValueTextEquals("container"u8))
            {
                beyond = BeyondBody.Container;
            }
            else if (_json.ValueTextEquals("compaction"u8))
            {
                beyond = BeyondBody.Compaction;
            }
            else if (_json.ValueTextEquals("fallbacks"u8))
            {
                beyond = BeyondBody.Fallbacks;
            }
            else if (_json.ValueTextEquals("thread"u8))
            {
                beyond = BeyondBody.Thread;
            }

            return _json.Read() && ReadPresence(beyond);
        }

        private bool ReadModel()
        {
            if (_json.TokenType != JsonTokenType.String)
            {
                return Fail("has a model that is not a string");
            }

            Span<byte> buffer = stackalloc byte[LongestName];
            if (!TryText(buffer, out var length))
            {
                return Fail("has a model with a name that is too long");
            }

            var model = NameTable.Intern(buffer[..length]);
            if (_modelSeen && model != facts.Model)
            {
                return Fail("names two models");
            }

            _modelSeen = true;
            facts.Model = model;
            return true;
        }

        private bool ReadMaxTokens()
        {
            if (!TryWholeOrNull(out var limit))
            {
                return Fail("has a max_tokens that is not a whole number");
            }

            if (_maxTokensSeen && limit != facts.MaxTokens)
            {
                return Fail("has two max_tokens");
            }

            _maxTokensSeen = true;
            facts.MaxTokens = limit;
            return true;
        }

        private bool ReadStream()
        {
            if (_json.TokenType is not (JsonTokenType.True or JsonTokenType.False or JsonTokenType.Null))
            {
                return Fail("has a stream that is neither true nor false");
            }

            facts.IsStream = _json.TokenType == JsonTokenType.True;
            return true;
        }

        private bool ReadThinking()
        {
            if (_json.TokenType != JsonTokenType.StartObject)
            {
                return Skip();
            }

            while (NextKey(out var isEnd))
            {
                if (isEnd)
                {
                    return true;
                }

                var isBudget = _json.ValueTextEquals("budget_tokens"u8);
                if (!_json.Read())
                {
                    return false;
                }

                if (!isBudget)
                {
                    if (!Skip())
                    {
                        return false;
                    }

                    continue;
                }

                if (!TryWholeOrNull(out var budget))
                {
                    return Fail("has a thinking.budget_tokens that is not a whole number");
                }

                if (_budgetSeen && budget != facts.ThinkingBudget)
                {
                    return Fail("has two thinking.budget_tokens");
                }

                _budgetSeen = true;
                facts.ThinkingBudget = budget;
            }

            return false;
        }

        private bool ReadSpeed()
        {
            var goesOn = ReadName(ref _speedSeen, facts.Speed, "has a speed that is not a string", "names two speeds", out var speed);
            facts.Speed = speed;
            return goesOn;
        }

        private bool ReadGeo()
        {
            var goesOn = ReadName(ref _geoSeen, facts.InferenceGeo, "has an inference_geo that is not a string", "names two places of inference", out var geo);
            facts.InferenceGeo = geo;
            return goesOn;
        }

        private bool ReadTier()
        {
            var goesOn = ReadName(ref _tierSeen, facts.ServiceTier, "has a service_tier that is not a string", "names two service tiers", out var tier);
            facts.ServiceTier = tier;
            return goesOn;
        }

        private bool ReadName(ref bool seen, string? earlier, string wrongType, string twoValues, out string? name)
        {
            name = null;
            Span<byte> buffer = stackalloc byte[LongestName];
            if (_json.TokenType == JsonTokenType.String && TryText(buffer, out var length))
            {
                name = NameTable.Intern(buffer[..length]);
            }
            else if (_json.TokenType != JsonTokenType.Null)
            {
                return Fail(wrongType);
            }

            if (seen && name != earlier)
            {
                return Fail(twoValues);
            }

            seen = true;
            return true;
        }

        // A field that need only be there; null and an empty list are as good as absent.
        private bool ReadPresence(BeyondBody beyond)
        {
            if (beyond == BeyondBody.None || _json.TokenType == JsonTokenType.Null)
            {
                return Skip();
            }

            if (_json.TokenType == JsonTokenType.StartArray)
            {
                return ReadElements(beyond);
            }

            facts.Beyond |= beyond;
            return Skip();
        }

        private bool ReadElements(BeyondBody beyond)
        {
            while (_json.Read())
            {
                if (_json.TokenType == JsonTokenType.EndArray)
                {
                    return true;
                }

                facts.Beyond |= beyond;
                if (!Skip())
                {
                    return false;
                }
            }

            return false;
        }

        private bool ReadContextManagement()
        {
            if (_json.TokenType != JsonTokenType.StartObject)
            {
                return Skip();
            }

            while (NextKey(out var isEnd))
            {
                if (isEnd)
                {
                    return true;
                }

                var isEdits = _json.ValueTextEquals("edits"u8);
                if (!_json.Read() || !(isEdits ? ReadEdits() : Skip()))
                {
                    return false;
                }
            }

            return false;
        }

        private bool ReadEdits()
        {
            if (_json.TokenType != JsonTokenType.StartArray)
            {
                return Skip();
            }

            while (_json.Read())
            {
                if (_json.TokenType == JsonTokenType.EndArray)
                {
                    return true;
                }

                if (!(_json.TokenType == JsonTokenType.StartObject ? ReadEdit() : Skip()))
                {
                    return false;
                }
            }

            return false;
        }

        private bool ReadEdit()
        {
            var clears = false;
            while (NextKey(out var isEnd))
            {
                if (isEnd)
                {
                    facts.Beyond |= clears ? BeyondBody.None : BeyondBody.Compaction;
                    return true;
                }

                var isType = _json.ValueTextEquals("type"u8);
                if (!_json.Read())
                {
                    return false;
                }

                if (isType)
                {
                    clears = OnlyClears();
                    facts.Beyond |= clears ? BeyondBody.None : BeyondBody.Compaction;
                }

                if (!Skip())
                {
                    return false;
                }
            }

            return false;
        }

        private readonly bool OnlyClears()
        {
            Span<byte> type = stackalloc byte[64];
            return _json.TokenType == JsonTokenType.String && TryText(type, out var length) && type[..length].StartsWith("clear_"u8);
        }

        private bool ReadCacheControl()
        {
            if (_json.TokenType == JsonTokenType.Null)
            {
                return true;
            }

            if (_json.TokenType != JsonTokenType.StartObject)
            {
                facts.Cache = CacheLifetime.OneHour;
                return Skip();
            }

            if (facts.Cache == CacheLifetime.None)
            {
                facts.Cache = CacheLifetime.FiveMinutes;
            }

            while (NextKey(out var isEnd))
            {
                if (isEnd)
                {
                    return true;
                }

                var isTtl = _json.ValueTextEquals("ttl"u8);
                if (!_json.Read())
                {
                    return false;
                }

                // Five minutes is the default; what is neither that nor null is taken for the dearest that there is.
                if (isTtl && _json.TokenType != JsonTokenType.Null && !(_json.TokenType == JsonTokenType.String && _json.ValueTextEquals("5m"u8)))
                {
                    facts.Cache = CacheLifetime.OneHour;
                }

                if (!Skip())
                {
                    return false;
                }
            }

            return false;
        }

        // Trusted: the provider reads this place as messages and content blocks, and refuses what is none. Elsewhere base64 may be text.
        private bool ReadContent(bool isTrusted)
        {
            if (_json.TokenType == JsonTokenType.StartObject)
            {
                return ReadBlock(isTrusted);
            }

            if (_json.TokenType != JsonTokenType.StartArray)
            {
                return true;
            }

            while (_json.Read())
            {
                if (_json.TokenType == JsonTokenType.EndArray)
                {
                    return true;
                }

                if (!ReadContent(isTrusted && _json.TokenType == JsonTokenType.StartObject))
                {
                    return false;
                }
            }

            return false;
        }

        // A message or a content block.
        private bool ReadBlock(bool isTrusted)
        {
            var (types, sources) = (0, 0);
            var (isImage, isDocument) = (false, false);
            var source = Source.None;
            var base64Bytes = 0L;
            while (NextKey(out var isEnd))
            {
                if (isEnd)
                {
                    Count(isTrusted && types == 1 && sources == 1, isImage, isDocument, source, base64Bytes);
                    return true;
                }

                bool goesOn;
                if (_json.ValueTextEquals("type"u8))
                {
                    goesOn = _json.Read() && ReadBlockType(ref isImage, ref isDocument);
                    types++;
                }
                else if (_json.ValueTextEquals("source"u8))
                {
                    goesOn = _json.Read() && (_json.TokenType == JsonTokenType.StartObject ? ReadSource(isTrusted, ref source, ref base64Bytes) : Skip());
                    sources++;
                }
                else
                {
                    goesOn = ReadBlockField(isTrusted);
                }

                if (!goesOn)
                {
                    return false;
                }
            }

            return false;
        }

        private bool ReadBlockField(bool isTrusted)
        {
            if (_json.ValueTextEquals("content"u8))
            {
                return _json.Read() && ReadContent(isTrusted);
            }

            if (_json.ValueTextEquals("cache_control"u8))
            {
                return _json.Read() && ReadCacheControl();
            }

            if (_json.ValueTextEquals("citations"u8))
            {
                return _json.Read() && ReadCitations();
            }

            if (_json.ValueTextEquals("tool"u8))
            {
                return _json.Read() && (_json.TokenType == JsonTokenType.StartObject ? ReadTool() : Skip());
            }

            // What a tool was called with is text to the model, whatever it looks like.
            var isText = _json.ValueTextEquals("input"u8) || _json.ValueTextEquals("input_schema"u8) || _json.ValueTextEquals("input_examples"u8);
            return _json.Read() && (isText ? Skip() : ReadContent(isTrusted: false));
        }

        private readonly void Count(bool isCertain, bool isImage, bool isDocument, Source source, long base64Bytes)
        {
            var isBinary = isCertain && source == Source.Base64 && isImage != isDocument;
            if (isImage)
            {
                facts.Images++;
                facts.ImageBase64Bytes += isBinary ? base64Bytes : 0;
            }

            if (isDocument)
            {
                var isPdf = !isCertain || source is not Source.Text;
                facts.Documents++;
                facts.Pdfs += isPdf ? 1 : 0;
                facts.PdfBase64Bytes += isBinary ? base64Bytes : 0;
            }

            if ((isImage || isDocument) && source == Source.Unknown)
            {
                facts.Beyond |= BeyondBody.FileSource;
            }
        }

        private bool ReadBlockType(ref bool isImage, ref bool isDocument)
        {
            if (_json.TokenType != JsonTokenType.String)
            {
                return Skip();
            }

            isImage |= _json.ValueTextEquals("image"u8);
            isDocument |= _json.ValueTextEquals("document"u8);
            facts.ToolReferences += _json.ValueTextEquals("tool_reference"u8) ? 1 : 0;
            facts.Beyond |= _json.ValueTextEquals("container_upload"u8) ? BeyondBody.FileSource : BeyondBody.None;
            return true;
        }

        private bool ReadSource(bool isTrusted, ref Source source, ref long base64Bytes)
        {
            var (types, datas) = (0, 0);
            while (NextKey(out var isEnd))
            {
                if (isEnd)
                {
                    // Said twice, it may be either; then its data count as text as well.
                    base64Bytes = types == 1 && datas == 1 ? base64Bytes : 0;
                    source = types == 1 ? source : Source.Unknown;
                    return true;
                }

                if (_json.ValueTextEquals("type"u8))
                {
                    if (!_json.Read())
                    {
                        return false;
                    }

                    types++;
                    source = ReadSourceType();
                    facts.Beyond |= source == Source.Elsewhere ? (_json.ValueTextEquals("url"u8) ? BeyondBody.UrlSource : BeyondBody.FileSource) : BeyondBody.None;
                    if (!Skip())
                    {
                        return false;
                    }
                }
                else if (_json.ValueTextEquals("data"u8))
                {
                    if (!_json.Read())
                    {
                        return false;
                    }

                    datas++;
                    base64Bytes = _json.TokenType == JsonTokenType.String ? TokenBytes : 0;
                    if (!Skip())
                    {
                        return false;
                    }
                }
                else if (!ReadBlockField(isTrusted))
                {
                    return false;
                }
            }

            return false;
        }

        private readonly Source ReadSourceType()
        {
            if (_json.TokenType != JsonTokenType.String)
            {
                return Source.Unknown;
            }

            if (_json.ValueTextEquals("base64"u8))
            {
                return Source.Base64;
            }

            if (_json.ValueTextEquals("text"u8) || _json.ValueTextEquals("content"u8))
            {
                return Source.Text;
            }

            return _json.ValueTextEquals("url"u8) || _json.ValueTextEquals("file"u8) ? Source.Elsewhere : Source.Unknown;
        }

        private bool ReadCitations()
        {
            if (_json.TokenType != JsonTokenType.StartObject)
            {
                return Skip(); // A list is what an earlier answer cited.
            }

            while (NextKey(out var isEnd))
            {
                if (isEnd)
                {
                    return true;
                }

                var isEnabled = _json.ValueTextEquals("enabled"u8);
                if (!_json.Read())
                {
                    return false;
                }

                facts.Beyond |= isEnabled && _json.TokenType is not (JsonTokenType.False or JsonTokenType.Null) ? BeyondBody.Citations : BeyondBody.None;
                if (!Skip())
                {
                    return false;
                }
            }

            return false;
        }

        private bool ReadTools()
        {
            if (_json.TokenType != JsonTokenType.StartArray)
            {
                return Skip();
            }

            while (_json.Read())
            {
                if (_json.TokenType == JsonTokenType.EndArray)
                {
                    return true;
                }

                if (!(_json.TokenType == JsonTokenType.StartObject ? ReadTool() : Skip()))
                {
                    return false;
                }
            }

            return false;
        }

        private bool ReadTool()
        {
            var start = _json.TokenStartIndex;
            var (searches, limits, hasLimit, uses) = (false, 0, true, 0L);
            while (NextKey(out var isEnd))
            {
                if (isEnd)
                {
                    facts.LargestToolBytes = Math.Max(facts.LargestToolBytes, _json.BytesConsumed - start);
                    if (searches && limits > 0 && hasLimit)
                    {
                        facts.WebSearches += uses;
                    }
                    else if (searches)
                    {
                        facts.Beyond |= BeyondBody.EndlessWebSearch;
                    }

                    return true;
                }

                bool goesOn;
                if (_json.ValueTextEquals("type"u8))
                {
                    goesOn = _json.Read() && ReadToolType(ref searches);
                }
                else if (_json.ValueTextEquals("max_uses"u8))
                {
                    goesOn = _json.Read();
                    if (goesOn)
                    {
                        limits++;
                        hasLimit &= TryWholeOrNull(out var limit) && limit <= MostUses;
                        uses = Math.Max(uses, limit ?? 0);
                        goesOn = Skip();
                    }
                }
                else if (_json.ValueTextEquals("cache_control"u8))
                {
                    goesOn = _json.Read() && ReadCacheControl();
                }
                else
                {
                    goesOn = _json.Read() && Skip();
                }

                if (!goesOn)
                {
                    return false;
                }
            }

            return false;
        }

        private bool ReadToolType(ref bool searches)
        {
            if (_json.TokenType == JsonTokenType.Null)
            {
                return true;
            }

            Span<byte> buffer = stackalloc byte[64];
            if (_json.TokenType != JsonTokenType.String || !TryText(buffer, out var length))
            {
                facts.Beyond |= BeyondBody.UnknownTool;
                return Skip();
            }

            var type = buffer[..length];
            if (type.SequenceEqual("custom"u8))
            {
                return true;
            }

            if (type.SequenceEqual("tool_reference"u8))
            {
                facts.ToolReferences++;
            }
            else if (type.StartsWith("browser_toolset_"u8) || type.StartsWith("computer_toolset_"u8))
            {
                facts.ProviderToolsets++;
            }
            else if (type.StartsWith("bash_"u8) || type.StartsWith("text_editor_"u8) || type.StartsWith("computer_"u8) || type.StartsWith("memory_"u8))
            {
                facts.ProviderTools++;
            }
            else
            {
                ReadServerTool(type, ref searches);
            }

            return true;
        }

        private readonly void ReadServerTool(ReadOnlySpan<byte> type, ref bool searches)
        {
            facts.ProviderTools++;
            facts.SamplesAgain = true;
            if (type.SequenceEqual("web_search_20250305"u8))
            {
                searches = true;
            }
            else if (!type.StartsWith("tool_search_tool_"u8))
            {
                facts.Beyond |= type switch
                {
                    _ when type.StartsWith("web_search"u8) => BeyondBody.FilteredWebSearch,
                    _ when type.StartsWith("web_fetch"u8) => BeyondBody.WebFetch,
                    _ when type.StartsWith("code_execution"u8) => BeyondBody.CodeExecution,
                    _ when type.StartsWith("advisor"u8) => BeyondBody.Advisor,
                    _ when type.StartsWith("mcp_"u8) => BeyondBody.McpServers,
                    _ => BeyondBody.UnknownTool,
                };
            }
        }

        private bool NextKey(out bool isEnd)
        {
            var goesOn = _json.Read();
            isEnd = goesOn && _json.TokenType == JsonTokenType.EndObject;
            return goesOn;
        }

        private bool Skip()
        {
            if (_json.TokenType is not (JsonTokenType.StartObject or JsonTokenType.StartArray))
            {
                return true;
            }

            var depth = _json.CurrentDepth;
            do
            {
                if (!_json.Read())
                {
                    return false;
                }
            }
            while (_json.CurrentDepth > depth);
            return true;
        }

        private readonly bool TryText(Span<byte> buffer, out int length)
        {
            var fits = TokenBytes <= buffer.Length;
            length = fits ? _json.CopyString(buffer) : 0;
            return fits;
        }

        // 1e5 and 100000.0 are whole; "100000" is text, and what reads it as a number elsewhere is not known.
        private readonly bool TryWholeOrNull(out long? whole)
        {
            whole = null;
            if (_json.TokenType == JsonTokenType.Null)
            {
                return true;
            }

            if (_json.TokenType != JsonTokenType.Number)
            {
                return false;
            }

            // By hand, because the JSON reader copies a number that lies in two segments to the heap.
            Span<byte> buffer = stackalloc byte[LongestNumber];
            if (TokenBytes > buffer.Length)
            {
                return false;
            }

            var text = buffer[..(int)TokenBytes];
            if (_json.HasValueSequence)
            {
                _json.ValueSequence.CopyTo(text);
            }
            else
            {
                _json.ValueSpan.CopyTo(text);
            }

            if (Utf8Parser.TryParse(text, out long digits, out var read) && read == text.Length)
            {
                whole = digits;
                return digits >= 0;
            }

            // Above 0, because what is nearly nothing rounds to it.
            if (Utf8Parser.TryParse(text, out decimal number, out read) && read == text.Length
                && number > 0 && number <= long.MaxValue && number == decimal.Truncate(number))
            {
                whole = (long)number;
                return true;
            }

            return false;
        }

        private readonly bool Fail(string problem)
        {
            facts.Problem = problem;
            return false;
        }
    }
}
