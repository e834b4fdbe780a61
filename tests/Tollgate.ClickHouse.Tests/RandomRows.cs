using System.Text;
using CsCheck;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests;

/// <summary>Rows with every field at random, within what its column holds.</summary>
internal static class RandomRows
{
    // Near now, so that no TTL takes them away: the shortest is 14 days, of usage_1m.
    private static readonly long Now = TimeProvider.System.GetUtcNow().ToUnixTimeMilliseconds();

    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.String[0, 20],
        Gen.OneOf(Gen.Const('\n'), Gen.Const('\t'), Gen.Const('\''), Gen.Const('\\'), Gen.Const('\0')).Array[0, 12].Select(letters => new string(letters)),
        Gen.Const("größe 漢字 🧮"),
        Gen.Const(string.Empty));

    private static readonly Gen<long> UInt32 = Gen.UInt.Select(value => (long)value);
    private static readonly Gen<Nanodollars> Money = Gen.Long[-1_000_000_000_000, 1_000_000_000_000].Select(value => new Nanodollars(value));

    public static Gen<UsageRow> Row { get; } = Gen.Int.Select(seed => Make(new PCG(unchecked((uint)seed))));

    /// <summary>A row as <paramref name="random"/> has it.</summary>
    public static UsageRow Make(PCG random)
    {
        var row = new UsageRow
        {
            Timestamp = DateTimeOffset.FromUnixTimeMilliseconds(Now + Draw(Gen.Long[-10L * 86_400_000, 10L * 86_400_000])),
            RequestId = Draw(Gen.Guid),
            AttemptId = Draw(Gen.Guid),
            GatewayId = Draw(Text),
            Sequence = Draw(Gen.ULong),
            Customer = Pick("acme", "globex", string.Empty),
            Team = Pick("search", "ads"),
            Project = Draw(Text),
            Developer = Draw(Text),
            KeyId = Draw(Text),
            SessionId = Pick("s1", "s2", "s3", string.Empty),
            AgentId = Draw(Text),
            ParentAgentId = Draw(Text),
            AgentKind = Draw(Text),
            PromptId = Draw(Text),
            RequestClass = Draw(Text),
            Client = Draw(Text),
            Provider = Draw(Text),
            Endpoint = Draw(Gen.Enum<Operation>()),
            ModelRequested = Draw(Text),
            Model = Pick("claude-opus-5-5", "claude-haiku-5-5"),
            FallbackFrom = Draw(Text),
            ServiceTier = Draw(Text),
            InferenceGeo = Draw(Text),
            IsStream = Draw(Gen.Bool),
            IsBatch = Draw(Gen.Bool),
            IsFast = Draw(Gen.Bool),
            HttpStatus = Pick(0, 200, 429, 529, 65_535),
            Outcome = Draw(Gen.Enum<ForwardOutcome>()),
            ErrorType = Pick(string.Empty, "overloaded_error"),
            StopReason = Draw(Text),
            UsageSource = Draw(Gen.Enum<UsageSource>()),
            Tokens = new TokenUsage(Draw(UInt32), Draw(UInt32), Draw(UInt32), Draw(UInt32), Draw(UInt32), Draw(UInt32)),
            ServerToolUses = Draw(Gen.Int[0, 65_535]),
            Cost = new Cost(Draw(Money), Draw(Money), Draw(Money), Draw(Money), Draw(Money), Draw(Money)),
            Priced = Draw(Gen.Bool),
            BandAmbiguous = Draw(Gen.Bool),
            PriceRevision = Draw(Gen.UInt),
            LatencyMicroseconds = Draw(Gen.Long[0, 4_000_000_000_000]),
            FirstByteMicroseconds = Draw(UInt32),
            TtftMicroseconds = Draw(UInt32),
            MaxGapMicroseconds = Draw(UInt32),
            OverheadMicroseconds = Draw(UInt32),
            RequestBytes = Draw(UInt32),
            ResponseBytes = Draw(UInt32),
            UpstreamRequestId = Draw(Text),
        };
        row.MessageId.Set(Encoding.UTF8.GetBytes(Draw(Text)));
        for (var i = Draw(Gen.Int[0, 4]); i > 0; i--)
        {
            row.Labels.Add(new($"label{i}", Draw(Text)));
        }

        return row;

        T Pick<T>(params ReadOnlySpan<T> values) => values[Draw(Gen.Int[0, values.Length - 1])];

        T Draw<T>(Gen<T> gen) => gen.Generate(random, null, out _);
    }

    /// <summary>So many rows, the same ones for the same seed, numbered from 1.</summary>
    public static UsageRow[] Many(int count, uint seed = 1)
    {
        var random = new PCG(seed);
        var rows = new UsageRow[count];
        for (var i = 0; i < count; i++)
        {
            rows[i] = Make(random);
            rows[i].Sequence = (ulong)i + 1;
        }

        return rows;
    }
}
