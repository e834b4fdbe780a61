using System.Text;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Tests.Accounting;

/// <summary>A request made at random, and usage that an answer to it can have.</summary>
/// <remarks>
/// What an answer can have is counted while the body is written, not read back from it: a token for a byte of text at most, images and
/// documents up to what the provider says of them, and what its tools and searches bring in.
/// </remarks>
internal sealed class GeneratedRequest
{
    private static readonly string[] Regions = ["", "", "global", "eu-central-1"];
    private static readonly string[] Geos = ["", "\"inference_geo\":\"us\",", "\"inference_geo\":\"global\",", "\"inference_geo\":null,"];
    private static readonly string[] CacheControls =
    [
        "", ",\"cache_control\":{\"type\":\"ephemeral\"}", ",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"5m\"}", ",\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}",
    ];

    private readonly Random _random;
    private readonly StringBuilder _body = new();
    private long _beside;
    private long _binary;
    private int _cache;

    public GeneratedRequest(Random random, IReadOnlyList<string> models)
    {
        _random = random;
        Model = models[random.Next(models.Count)] + (Chance(10) ? "[1m]" : string.Empty);
        Region = Regions[random.Next(Regions.Length)];
        At = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero).AddMinutes(random.Next(60 * 24 * 365));
        var asksFast = Chance(15);
        var geo = random.Next(Geos.Length);
        MaxTokens = random.Next(4) switch { 0 => random.Next(3), 1 => 128_000, _ => random.Next(64_000) };

        _body.Append("{\"model\":\"").Append(Model).Append("\",").Append(Geos[geo]).Append(asksFast ? "\"speed\":\"fast\"," : string.Empty);
        WriteTools(out var searches, out var samples);
        WriteMessages();
        _body.Append(",\"max_tokens\":").Append(MaxTokens).Append('}');
        Body = Encoding.UTF8.GetBytes(_body.ToString());

        IsFast = asksFast && Chance(70);
        IsUs = geo != 2 && Chance(50);
        Searches = searches > 0 ? random.NextInt64(searches + 1) : 0;
        Answer(samples);
    }

    public string Model { get; }

    public string Region { get; }

    public DateTimeOffset At { get; }

    public long MaxTokens { get; }

    public byte[] Body { get; }

    public bool IsFast { get; }

    public bool IsUs { get; }

    public long Searches { get; }

    /// <summary>Each prompt that was read, and what was written after it.</summary>
    public List<TokenUsage> Prompts { get; } = [];

    /// <summary>Whether the answer tells its prompts one by one; else only their sum.</summary>
    public bool TellsSteps { get; private set; }

    private void WriteTools(out long searches, out int samples)
    {
        (searches, samples) = (0, 1);
        if (Chance(60))
        {
            return;
        }

        _body.Append("\"tools\":[{\"name\":\"a\",\"input_schema\":{\"type\":\"object\",\"properties\":{\"url\":{}}}");
        CacheControl();
        _body.Append('}');
        _beside += 530;
        if (Chance(30))
        {
            _body.Append(",{\"type\":\"computer_20251124\",\"name\":\"computer\"}");
            _beside += 735;
        }

        if (Chance(25))
        {
            searches = _random.Next(1, 15);
            samples = _random.Next(1, (int)Math.Max(10, searches + 1) + 1);
            _body.Append(",{\"type\":\"web_search_20250305\",\"name\":\"web_search\",\"max_uses\":").Append(searches).Append('}');
        }
        else if (Chance(10))
        {
            samples = _random.Next(1, 11);
            _body.Append(",{\"type\":\"tool_search_tool_bm25_20251119\",\"name\":\"t\"}");
        }

        _body.Append("],");
    }

    private void WriteMessages()
    {
        _body.Append("\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"");
        _body.Append('x', Chance(2) ? _random.Next(90_000, 260_000) / (Chance(50) ? 1 : 2) : _random.Next(300));
        _body.Append('"');
        CacheControl();
        _body.Append('}');
        var images = Chance(8) ? _random.Next(15, 60) : Chance(20) ? _random.Next(4) : 0;
        for (var image = 0; image < images; image++)
        {
            Binary("image", "image/png");
            _beside += 4_784;
        }

        if (Chance(2))
        {
            Binary("document", "application/pdf");
            _beside += 1_000_000;
        }

        _body.Append("]}]");
    }

    private void Binary(string type, string media)
    {
        var bytes = _random.Next(1, 20) * 4;
        _body.Append(",{\"type\":\"").Append(type).Append("\",\"source\":{\"type\":\"base64\",\"media_type\":\"").Append(media).Append("\",\"data\":\"").Append('A', bytes).Append("\"}");
        CacheControl();
        _body.Append('}');
        _binary += bytes;
    }

    private void CacheControl()
    {
        if (Chance(25))
        {
            var cache = _random.Next(CacheControls.Length);
            _body.Append(CacheControls[cache]);
            _cache = Math.Max(_cache, cache);
        }
    }

    private void Answer(int samples)
    {
        TellsSteps = samples > 1 && Chance(50);
        var prompt = Body.Length - _binary + _beside;
        var (found, left) = (Searches, MaxTokens);
        for (var sample = 0; sample < samples; sample++)
        {
            var written = sample == samples - 1 && Chance(50) ? left : _random.NextInt64(left + 1);
            Prompts.Add(Split(Chance(50) ? prompt : _random.NextInt64(prompt + 1)) with { Output = written });
            left -= written;
            prompt += written;
            if (found > 0)
            {
                var now = _random.NextInt64(found + 1);
                prompt += now * 20_000;
                found -= now;
            }
        }
    }

    // No cache without cache_control, and no hour without asking for one.
    private TokenUsage Split(long prompt)
    {
        if (_cache == 0)
        {
            return new TokenUsage(prompt, 0, 0, 0, 0, 0);
        }

        var classes = new long[_cache == 3 ? 4 : 3];
        if (Chance(50))
        {
            classes[_random.Next(classes.Length)] = prompt;
        }
        else
        {
            var rest = prompt;
            for (var at = 0; at < classes.Length - 1; at++)
            {
                classes[at] = _random.NextInt64(rest + 1);
                rest -= classes[at];
            }

            classes[^1] = rest;
        }

        return new TokenUsage(classes[0], classes[1], classes[2], classes.Length > 3 ? classes[3] : 0, 0, 0);
    }

    private bool Chance(int percent) => _random.Next(100) < percent;
}
