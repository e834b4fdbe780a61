using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Tests.Scanning;

/// <summary>What a report must say, by the obvious road: the whole stream at once, line by line, each event through JsonDocument.</summary>
internal static class ReferenceReader
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 512 };

    public static UsageReport ReadStream(byte[] stream)
    {
        var report = new UsageReport();
        var at = stream.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? 3 : 0;

        // Latin-1 keeps every byte one character, so nothing but CR and LF can look like a line end.
        var text = Encoding.Latin1.GetString(stream, at, stream.Length - at).Replace("\r\n", "\n").Replace('\r', '\n');
        var lines = text.Split('\n');
        string name = string.Empty;
        List<string> data = [];
        foreach (var line in lines[..^1])
        {
            if (line.Length == 0)
            {
                if (data.Count > 0)
                {
                    Event(report, name, Encoding.Latin1.GetBytes(string.Join('\n', data)));
                }

                name = string.Empty;
                data.Clear();
                continue;
            }

            var colon = line.IndexOf(':');
            var field = colon < 0 ? line : line[..colon];
            var value = colon < 0 ? string.Empty : line[(colon + 1)..];
            value = value.StartsWith(' ') ? value[1..] : value;
            if (field == "event")
            {
                name = value;
            }
            else if (field == "data")
            {
                data.Add(value);
            }
        }

        return report;
    }

    public static UsageReport ReadWhole(byte[] answer)
    {
        var report = new UsageReport();
        using var json = JsonDocument.Parse(answer, Options);
        var root = json.RootElement;
        if (Find(root, "error") is { ValueKind: JsonValueKind.Object } error)
        {
            report.ErrorSeen = true;
            report.ErrorType = Text(Find(error, "type"));
            return report;
        }

        Message(report, root);
        report.MessageStarted = !report.MessageId.IsEmpty || report.ServedModel is not null || report.Tokens.Output >= 0;
        report.FinalUsageSeen = report.Tokens.Output >= 0;
        report.MessageStopped = report.MessageStarted;
        return report;
    }

    private static void Event(UsageReport report, string name, byte[] data)
    {
        JsonDocument? json = null;
        try
        {
            json = JsonDocument.Parse(data, Options);
        }
        catch (JsonException)
        {
        }

        using var closed = json;
        var root = json?.RootElement;
        var kind = name.Length == 0 ? Text(Find(root, "type")) : name;
        var known = kind is "message_start" or "message_delta" or "error" or "content_block_start" or "content_block_delta";
        report.MessageStopped |= kind == "message_stop";
        report.ErrorSeen |= kind == "error";
        report.ContentSeen |= kind is "content_block_start" or "content_block_delta";
        if (kind == "content_block_delta" && report.FirstContentAt == 0)
        {
            report.FirstContentAt = Timestamps.Only;
        }

        if (root is null)
        {
            report.UsageInvalid |= known;
            return;
        }

        switch (kind)
        {
            case "message_start":
                report.MessageStarted = true;
                Message(report, Find(root, "message"));
                break;
            case "message_delta":
                report.StopReason = Text(Find(Find(root, "delta"), "stop_reason")) ?? report.StopReason;
                report.FinalUsageSeen |= Usage(report, Find(root, "usage")).Output >= 0;
                break;
            case "content_block_start":
                var block = Find(root, "content_block");
                report.ServedModel = Text(Find(block, "type")) == "fallback" ? Text(Find(Find(block, "to"), "model")) ?? report.ServedModel : report.ServedModel;
                break;
            case "content_block_delta":
                var delta = Find(root, "delta");
                report.DeltaBytes += Text(Find(delta, "type")) switch
                {
                    "text_delta" => Length(Find(delta, "text")),
                    "thinking_delta" => Length(Find(delta, "thinking")),
                    "input_json_delta" => Length(Find(delta, "partial_json")),
                    _ => 0,
                };
                break;
            case "error":
                report.ErrorType = Text(Find(Find(root, "error"), "type")) ?? report.ErrorType;
                break;
        }
    }

    private static void Message(UsageReport report, JsonElement? message)
    {
        if (Text(Find(message, "id")) is { Length: > 0 } id)
        {
            report.MessageId.Set(Encoding.UTF8.GetBytes(id));
        }

        report.ServedModel = Text(Find(message, "model")) ?? report.ServedModel;
        report.StopReason = Text(Find(message, "stop_reason")) ?? report.StopReason;
        report.ContentSeen |= Find(message, "content") is { ValueKind: JsonValueKind.Array } content && content.GetArrayLength() > 0;
        Usage(report, Find(message, "usage"));
    }

    private static ReportedTokens Usage(UsageReport report, JsonElement? usage)
    {
        report.UsageInvalid |= usage is { ValueKind: not (JsonValueKind.Object or JsonValueKind.Null) };
        var tokens = Tokens(report, usage);
        report.Tokens.Overwrite(tokens);
        report.ServiceTier = Text(Find(usage, "service_tier")) ?? report.ServiceTier;
        report.InferenceGeo = Text(Find(usage, "inference_geo")) ?? report.InferenceGeo;
        report.Speed = Text(Find(usage, "speed")) ?? report.Speed;
        var credit = Text(Find(Find(Find(usage, "fallback_credit"), "status"), "type"));
        report.FallbackCreditRedeemed = credit is null ? report.FallbackCreditRedeemed : credit == "redeemed";
        if (Find(usage, "iterations") is not { ValueKind: not JsonValueKind.Null } iterations)
        {
            return tokens;
        }

        if (iterations.ValueKind != JsonValueKind.Array)
        {
            report.UsageInvalid = true;
            return tokens;
        }

        report.Iterations.Clear();
        foreach (var step in iterations.EnumerateArray())
        {
            if (step.ValueKind != JsonValueKind.Object)
            {
                report.UsageInvalid = true;
                continue;
            }

            var kind = Text(Find(step, "type")) switch
            {
                "message" => IterationKind.Message,
                "compaction" => IterationKind.Compaction,
                "advisor_message" => IterationKind.AdvisorMessage,
                "fallback_message" => IterationKind.FallbackMessage,
                _ => IterationKind.Unknown,
            };
            var model = Text(Find(step, "model"));
            report.UsageInvalid |= kind == IterationKind.Unknown;
            report.Iterations.Add(new UsageIteration(kind, model, Tokens(report, step)));
            report.ServedModel = kind == IterationKind.FallbackMessage ? model ?? report.ServedModel : report.ServedModel;
        }

        return tokens;
    }

    private static ReportedTokens Tokens(UsageReport report, JsonElement? usage) => new()
    {
        Input = Figure(report, Find(usage, "input_tokens")),
        Output = Figure(report, Find(usage, "output_tokens")),
        CacheRead = Figure(report, Find(usage, "cache_read_input_tokens")),
        CacheWrite = Figure(report, Find(usage, "cache_creation_input_tokens")),
        CacheWrite5m = Figure(report, Part(report, usage, "cache_creation", "ephemeral_5m_input_tokens")),
        CacheWrite1h = Figure(report, Part(report, usage, "cache_creation", "ephemeral_1h_input_tokens")),
        Thinking = Figure(report, Part(report, usage, "output_tokens_details", "thinking_tokens")),
        WebSearches = Figure(report, Part(report, usage, "server_tool_use", "web_search_requests")),
        WebFetches = Figure(report, Part(report, usage, "server_tool_use", "web_fetch_requests")),
    };

    private static JsonElement? Part(UsageReport report, JsonElement? usage, string part, string figure)
    {
        var found = Find(usage, part);
        report.UsageInvalid |= found is { ValueKind: not (JsonValueKind.Object or JsonValueKind.Null) };
        return Find(found, figure);
    }

    private static long Figure(UsageReport report, JsonElement? figure)
    {
        if (figure is not { ValueKind: not JsonValueKind.Null } given)
        {
            return ReportedTokens.NotReported;
        }

        if (given.ValueKind == JsonValueKind.Number && given.TryGetInt64(out var value) && value is >= 0 and < 1L << 32)
        {
            return value;
        }

        report.UsageInvalid = true;
        return ReportedTokens.NotReported;
    }

    private static JsonElement? Find(JsonElement? parent, string name) =>
        parent is { ValueKind: JsonValueKind.Object } given && given.TryGetProperty(name, out var found) ? found : null;

    private static string? Text(JsonElement? element)
    {
        if (element is not { ValueKind: JsonValueKind.String } given)
        {
            return null;
        }

        var raw = JsonMarshal.GetRawUtf8Value(given)[1..^1];
        try
        {
            return raw.Contains((byte)'\\') ? given.GetString() : Encoding.UTF8.GetString(raw);
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static long Length(JsonElement? element) =>
        element is { ValueKind: JsonValueKind.String } given ? Length(Encoding.Latin1.GetString(JsonMarshal.GetRawUtf8Value(given)[1..^1])) : 0;

    private static long Length(string raw)
    {
        long length = 0;
        for (var at = 0; at < raw.Length; at++, length++)
        {
            if (raw[at] != '\\')
            {
                continue;
            }

            at++;
            if (raw[at] != 'u')
            {
                continue;
            }

            var unit = Convert.ToInt32(raw.Substring(at + 1, 4), 16);
            at += 4;
            length += unit < 0x80 ? 0 : unit < 0x800 || unit is >= 0xD800 and < 0xE000 ? 1 : 2;
        }

        return length;
    }
}

/// <summary>The clock of tests in which all bytes come at once.</summary>
internal static class Timestamps
{
    public const long Only = 1_000;
}
