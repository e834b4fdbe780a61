using System.Text.Json.Nodes;
using Tollgate.ClickHouse.Spend;
using Tollgate.Proxy.Facts;

namespace Tollgate.Cli.Report;

/// <summary>Reports as ccusage prints them, with <c>requests</c> beside its figures. Money is a JSON number with every digit.</summary>
internal static class ReportJson
{
    /// <summary>A report other than the blocks.</summary>
    public static string Write(ReportKind kind, IReadOnlyList<ReportLine> lines) => new JsonObject
    {
        [kind.Array] = new JsonArray([.. lines.Select(line => Line(kind, line))]),
        ["totals"] = Figures(lines.Sum(static line => line.Requests), Sum(lines.Select(static line => line.Tokens)), Sum(lines.Select(static line => line.Cost)), "totalCost"),
    }.ToJsonString(CliJson.Options);

    /// <summary>The blocks; ccusage has no totals for them.</summary>
    public static string Write(IReadOnlyList<UsageBlock> blocks, DateTimeOffset now) => new JsonObject
    {
        ["blocks"] = new JsonArray([.. blocks.Select(block => Block(block, now))]),
        ["totals"] = Figures(blocks.Sum(static block => block.Entries), Sum(blocks.Select(static block => block.Tokens)), Sum(blocks.Select(static block => block.Cost)), "totalCost"),
    }.ToJsonString(CliJson.Options);

    private static JsonObject Line(ReportKind kind, ReportLine line)
    {
        var json = new JsonObject { [kind.Property] = line.Key };
        foreach (var (name, value) in Figures(line.Requests, line.Tokens, line.Cost, "totalCost").ToArray())
        {
            json[name] = value!.DeepClone();
        }

        if (line.Session is { } session)
        {
            json["firstActivity"] = ReportFigures.Moment(session.First);
            json["lastActivity"] = ReportFigures.Moment(session.Last);
            json["projectPath"] = session.Project;
            json["developer"] = session.Developer;
            json["versions"] = Texts(session.Clients);
        }

        json["modelsUsed"] = Texts(line.Models.Select(static model => model.Model));
        json["modelBreakdowns"] = new JsonArray([.. line.Models.Select(Breakdown)]);
        return json;
    }

    private static JsonObject Breakdown(ModelSpend model)
    {
        var json = Figures(model.Requests, model.Tokens, model.Cost, "cost");
        json.Remove("totalTokens");
        json.Insert(0, "modelName", model.Model);
        return json;
    }

    private static JsonObject Block(UsageBlock block, DateTimeOffset now) => new()
    {
        ["id"] = (block.IsGap ? "gap-" : "") + ReportFigures.Moment(block.Start),
        ["startTime"] = ReportFigures.Moment(block.Start),
        ["endTime"] = ReportFigures.Moment(block.End),
        ["actualEndTime"] = block.Last is { } last ? ReportFigures.Moment(last) : null,
        ["isActive"] = block.IsActive,
        ["isGap"] = block.IsGap,
        ["entries"] = block.Entries,
        ["tokenCounts"] = new JsonObject
        {
            ["inputTokens"] = block.Tokens.Input,
            ["outputTokens"] = block.Tokens.Output,
            ["cacheCreationInputTokens"] = block.Tokens.CacheWrite(),
            ["cacheReadInputTokens"] = block.Tokens.CacheRead,
        },
        ["totalTokens"] = block.Tokens.Total(),
        ["costUSD"] = block.Cost.ToDollars(),
        ["models"] = Texts(block.Models.Select(static model => model.Model)),
        ["burnRate"] = BlockRate.Of(block) is { } rate ? new JsonObject
        {
            ["tokensPerMinute"] = rate.TokensPerMinute,
            ["tokensPerMinuteForIndicator"] = rate.UncachedTokensPerMinute,
            ["costPerHour"] = rate.CostPerHour,
        } : null,
        ["projection"] = BlockRate.Of(block) is { } pace ? new JsonObject
        {
            ["totalTokens"] = pace.ProjectedTokens(block, now),
            ["totalCost"] = pace.ProjectedCost(block, now),
            ["remainingMinutes"] = BlockRate.MinutesLeft(block, now),
        } : null,
    };

    private static JsonObject Figures(long requests, TokenUsage tokens, Nanodollars cost, string costName) => new()
    {
        ["requests"] = requests,
        ["inputTokens"] = tokens.Input,
        ["outputTokens"] = tokens.Output,
        ["cacheCreationTokens"] = tokens.CacheWrite(),
        ["cacheReadTokens"] = tokens.CacheRead,
        ["totalTokens"] = tokens.Total(),
        [costName] = cost.ToDollars(),
    };

    private static JsonArray Texts(IEnumerable<string> texts) => new([.. texts.Select(static text => (JsonNode)text)]);

    private static TokenUsage Sum(IEnumerable<TokenUsage> parts) => parts.Aggregate(default(TokenUsage), static (sum, part) => sum + part);

    private static Nanodollars Sum(IEnumerable<Nanodollars> parts) => parts.Aggregate(Nanodollars.Zero, static (sum, part) => sum + part);
}
