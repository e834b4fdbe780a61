using System.Text.Json;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Scanning;

/// <summary>Collects what metering needs from one JSON document, token by token: an event's data or a whole answer.</summary>
/// <remarks>
/// Shape: knows its place by the path of known names only, so the same words inside content never count. A key that comes twice
/// counts as its last value says.
/// Bound: seven places deep; everything unknown is skipped by counting its depth.
/// </remarks>
internal sealed class JsonFacts
{
    /// <summary>How documents are read. 512: tool inputs nest freely, and only beyond 64 does the reader allocate.</summary>
    public static readonly JsonReaderOptions Options = new() { MaxDepth = 512 };

    private const int DeepestPlace = 8;

    private readonly Place[] _path = new Place[DeepestPlace];
    private int _depth;
    private int _skipped;
    private JsonName _name;
    private bool _inMessage;

    private enum Place : byte
    {
        Document,
        Message,
        Content,
        Usage,
        CacheCreation,
        OutputDetails,
        ServerToolUse,
        FallbackCredit,
        CreditStatus,
        Iterations,
        Step,
        Delta,
        ContentBlock,
        FallbackTarget,
        Error,
    }

    /// <summary>The document's own fields: a whole answer, or a <c>message_delta</c>.</summary>
    public MessageFacts Document { get; } = new();

    /// <summary>The document's <c>message</c>.</summary>
    public MessageFacts Message { get; } = new();

    /// <summary>The document's <c>type</c> as an event's name.</summary>
    public EventKind Type { get; private set; }

    /// <summary>The document's <c>error</c> is an object.</summary>
    public bool HasError { get; private set; }

    /// <summary><c>error.type</c>.</summary>
    public string? ErrorType { get; private set; }

    /// <summary><c>delta.stop_reason</c>.</summary>
    public string? DeltaStopReason { get; private set; }

    /// <summary><c>delta.type</c>.</summary>
    public string? DeltaType { get; private set; }

    /// <summary>UTF-8 bytes of <c>delta.text</c>.</summary>
    public long DeltaText { get; private set; }

    /// <summary>UTF-8 bytes of <c>delta.thinking</c>.</summary>
    public long DeltaThinking { get; private set; }

    /// <summary>UTF-8 bytes of <c>delta.partial_json</c>.</summary>
    public long DeltaToolInput { get; private set; }

    /// <summary><c>content_block.type</c>.</summary>
    public string? BlockType { get; private set; }

    /// <summary><c>content_block.to.model</c>.</summary>
    public string? FallbackModel { get; private set; }

    private MessageFacts Current => _inMessage ? Message : Document;

    private UsageFacts Usage => Current.Usage;

    /// <summary>Reads one whole document.</summary>
    /// <returns>False: it is not JSON, and what was collected is to be ignored.</returns>
    public bool TryRead(ReadOnlySpan<byte> document)
    {
        Reset();
        var json = new Utf8JsonReader(document, Options);
        try
        {
            while (json.Read())
            {
                Take(ref json);
            }

            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Makes the collection as new.</summary>
    public void Reset()
    {
        _depth = _skipped = 0;
        _inMessage = false;
        _name = JsonName.Unknown;
        Type = EventKind.Other;
        HasError = false;
        ErrorType = null;
        Document.Reset();
        Message.Reset();
        ForgetDelta();
        ForgetBlock();
    }

    /// <summary>Drops the <c>usage</c> that is open because the document broke off inside it.</summary>
    public void DropOpenUsage()
    {
        if (_depth > 1 && _path[1] == Place.Usage)
        {
            Document.Usage.Reset();
        }
    }

    /// <summary>Takes the token that the reader stands on.</summary>
    public void Take(ref Utf8JsonReader json)
    {
        switch (json.TokenType)
        {
            case JsonTokenType.PropertyName:
                _name = _skipped == 0 ? JsonText.Name(ref json) : JsonName.Unknown;
                break;
            case JsonTokenType.StartObject:
            case JsonTokenType.StartArray:
                Open(ref json);
                break;
            case JsonTokenType.EndObject:
            case JsonTokenType.EndArray:
                Close();
                break;
            default:
                if (_skipped == 0 && _depth > 0)
                {
                    TakeValue(ref json);
                }

                break;
        }
    }

    private void Open(ref Utf8JsonReader json)
    {
        if (_skipped > 0)
        {
            _skipped++;
            return;
        }

        if (_depth == 0)
        {
            if (json.TokenType == JsonTokenType.StartObject)
            {
                _path[_depth++] = Place.Document;
            }
            else
            {
                _skipped = 1;
            }

            return;
        }

        // A container is also a value: it replaces what the same key said before.
        TakeValue(ref json);
        if (TryEnter(json.TokenType == JsonTokenType.StartArray, out var place))
        {
            _path[_depth++] = place;
        }
        else
        {
            _skipped = 1;
        }
    }

    private void Close()
    {
        if (_skipped > 0)
        {
            _skipped--;
            return;
        }

        var place = _path[--_depth];
        if (place == Place.Message)
        {
            _inMessage = false;
        }
        else if (place == Place.Step)
        {
            Usage.EndStep();
        }
    }

    private bool TryEnter(bool isArray, out Place place)
    {
        var (found, wantsArray) = (_path[_depth - 1], _name) switch
        {
            (Place.Document, JsonName.Message) => (Place.Message, false),
            (Place.Document, JsonName.Delta) => (Place.Delta, false),
            (Place.Document, JsonName.ContentBlock) => (Place.ContentBlock, false),
            (Place.Document, JsonName.Error) => (Place.Error, false),
            (Place.Document or Place.Message, JsonName.Usage) => (Place.Usage, false),
            (Place.Document or Place.Message, JsonName.Content) => (Place.Content, true),
            (Place.Usage, JsonName.Iterations) => (Place.Iterations, true),
            (Place.Usage, JsonName.FallbackCredit) => (Place.FallbackCredit, false),
            (Place.Usage or Place.Step, JsonName.CacheCreation) => (Place.CacheCreation, false),
            (Place.Usage or Place.Step, JsonName.OutputDetails) => (Place.OutputDetails, false),
            (Place.Usage or Place.Step, JsonName.ServerToolUse) => (Place.ServerToolUse, false),
            (Place.FallbackCredit, JsonName.Status) => (Place.CreditStatus, false),
            (Place.ContentBlock, JsonName.To) => (Place.FallbackTarget, false),
            (Place.Iterations, _) => (Place.Step, false),
            _ => (Place.Document, false),
        };
        place = found;
        if (found == Place.Document || wantsArray != isArray)
        {
            return false;
        }

        switch (found)
        {
            case Place.Message:
                _inMessage = true;
                break;
            case Place.Iterations:
                Usage.HasIterations = true;
                break;
            case Place.Step:
                Usage.BeginStep();
                break;
            case Place.Error:
                HasError = true;
                break;
        }

        return true;
    }

    private void TakeValue(ref Utf8JsonReader json)
    {
        switch (_path[_depth - 1])
        {
            case Place.Document:
                TakeDocument(ref json);
                break;
            case Place.Message:
                TakeMessage(ref json);
                break;
            case Place.Content:
                Current.HasContent = true;
                break;
            case Place.Delta:
                TakeDelta(ref json);
                break;
            case Place.ContentBlock when _name == JsonName.Type:
                BlockType = JsonText.Interned(ref json);
                break;
            case Place.ContentBlock when _name == JsonName.To:
                FallbackModel = null;
                break;
            case Place.FallbackTarget when _name == JsonName.Model:
                FallbackModel = JsonText.Interned(ref json);
                break;
            case Place.Error when _name == JsonName.Type:
                ErrorType = JsonText.Interned(ref json);
                break;
            case Place.FallbackCredit when _name == JsonName.Status:
                Usage.CreditStatus = null;
                break;
            case Place.CreditStatus when _name == JsonName.Type:
                Usage.CreditStatus = JsonText.Interned(ref json);
                break;
            case Place.Usage:
                TakeUsage(ref json);
                break;
            case Place.Iterations:
                Usage.Misshapen |= json.TokenType != JsonTokenType.StartObject;
                break;
            case Place.Step when _name == JsonName.Type:
                Usage.StepType = JsonText.Interned(ref json);
                break;
            case Place.Step when _name == JsonName.Model:
                Usage.StepModel = JsonText.Interned(ref json);
                break;
            case Place.Step:
                TakeFigure(ref json, ref Usage.StepTokens);
                break;
            case Place.CacheCreation:
            case Place.OutputDetails:
            case Place.ServerToolUse:
                TakePart(ref json, ref (_path[_depth - 2] == Place.Step ? ref Usage.StepTokens : ref Usage.Tokens));
                break;
        }
    }

    private void TakeDocument(ref Utf8JsonReader json)
    {
        switch (_name)
        {
            case JsonName.Type:
                Type = JsonText.Kind(ref json);
                break;
            case JsonName.Message:
                Message.Reset();
                break;
            case JsonName.Delta:
                ForgetDelta();
                break;
            case JsonName.ContentBlock:
                ForgetBlock();
                break;
            case JsonName.Error:
                HasError = false;
                ErrorType = null;
                break;
            default:
                TakeMessage(ref json);
                break;
        }
    }

    private void TakeMessage(ref Utf8JsonReader json)
    {
        switch (_name)
        {
            case JsonName.Id:
                JsonText.Copy(ref json, ref Current.Id);
                break;
            case JsonName.Model:
                Current.Model = JsonText.Interned(ref json);
                break;
            case JsonName.StopReason:
                Current.StopReason = JsonText.Interned(ref json);
                break;
            case JsonName.Content:
                Current.HasContent = false;
                break;
            case JsonName.Usage:
                Usage.Reset();
                Usage.Misshapen = json.TokenType is not (JsonTokenType.StartObject or JsonTokenType.Null);
                break;
        }
    }

    private void TakeDelta(ref Utf8JsonReader json)
    {
        switch (_name)
        {
            case JsonName.Type:
                DeltaType = JsonText.Interned(ref json);
                break;
            case JsonName.StopReason:
                DeltaStopReason = JsonText.Interned(ref json);
                break;
            case JsonName.Text:
                DeltaText = JsonText.DecodedLength(ref json);
                break;
            case JsonName.Thinking:
                DeltaThinking = JsonText.DecodedLength(ref json);
                break;
            case JsonName.PartialJson:
                DeltaToolInput = JsonText.DecodedLength(ref json);
                break;
        }
    }

    private void TakeUsage(ref Utf8JsonReader json)
    {
        switch (_name)
        {
            case JsonName.ServiceTier:
                Usage.ServiceTier = JsonText.Interned(ref json);
                break;
            case JsonName.InferenceGeo:
                Usage.InferenceGeo = JsonText.Interned(ref json);
                break;
            case JsonName.Speed:
                Usage.Speed = JsonText.Interned(ref json);
                break;
            case JsonName.FallbackCredit:
                Usage.CreditStatus = null;
                break;
            case JsonName.Iterations:
                Usage.ForgetIterations();
                Usage.Misshapen |= json.TokenType is not (JsonTokenType.StartArray or JsonTokenType.Null);
                break;
            default:
                TakeFigure(ref json, ref Usage.Tokens);
                break;
        }
    }

    private void TakeFigure(ref Utf8JsonReader json, ref ReportedTokens tokens)
    {
        switch (_name)
        {
            case JsonName.Input:
                tokens.Input = JsonText.Figure(ref json);
                break;
            case JsonName.Output:
                tokens.Output = JsonText.Figure(ref json);
                break;
            case JsonName.CacheRead:
                tokens.CacheRead = JsonText.Figure(ref json);
                break;
            case JsonName.CacheWrite:
                tokens.CacheWrite = JsonText.Figure(ref json);
                break;
            case JsonName.CacheCreation:
                tokens.CacheWrite5m = tokens.CacheWrite1h = Part(ref json);
                break;
            case JsonName.OutputDetails:
                tokens.Thinking = Part(ref json);
                break;
            case JsonName.ServerToolUse:
                tokens.WebSearches = tokens.WebFetches = Part(ref json);
                break;
        }

        // An object's figures are read inside it; anything else in its place but null is as wrong as a wrong figure.
        static long Part(ref Utf8JsonReader json) =>
            json.TokenType is JsonTokenType.StartObject or JsonTokenType.Null ? ReportedTokens.NotReported : JsonText.Invalid;
    }

    private void TakePart(ref Utf8JsonReader json, ref ReportedTokens tokens)
    {
        switch (_path[_depth - 1], _name)
        {
            case (Place.CacheCreation, JsonName.CacheWrite5m):
                tokens.CacheWrite5m = JsonText.Figure(ref json);
                break;
            case (Place.CacheCreation, JsonName.CacheWrite1h):
                tokens.CacheWrite1h = JsonText.Figure(ref json);
                break;
            case (Place.OutputDetails, JsonName.ThinkingTokens):
                tokens.Thinking = JsonText.Figure(ref json);
                break;
            case (Place.ServerToolUse, JsonName.WebSearches):
                tokens.WebSearches = JsonText.Figure(ref json);
                break;
            case (Place.ServerToolUse, JsonName.WebFetches):
                tokens.WebFetches = JsonText.Figure(ref json);
                break;
        }
    }

    private void ForgetDelta()
    {
        DeltaStopReason = DeltaType = null;
        DeltaText = DeltaThinking = DeltaToolInput = 0;
    }

    private void ForgetBlock() => BlockType = FallbackModel = null;
}
