using CsCheck;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests;

/// <summary>Rows with few different keys, so that slots and sessions hold many of them.</summary>
internal static class LedgerRows
{
    private const int Sessions = 20;

    /// <summary>So many rows of gateway <c>g</c>, numbered from <paramref name="first"/>, spread evenly over a time.</summary>
    public static UsageRow[] Between(DateTimeOffset from, DateTimeOffset to, int count, ulong first = 1, uint seed = 1)
    {
        var random = new PCG(seed);
        var rows = new UsageRow[count];
        for (var i = 0; i < count; i++)
        {
            var row = RandomRows.Make(random);
            var milliseconds = (long)((to - from).TotalMilliseconds * i / count);
            row.Timestamp = DateTimeOffset.FromUnixTimeMilliseconds(from.ToUnixTimeMilliseconds() + milliseconds);
            row.GatewayId = "g";
            row.Sequence = first + (ulong)i;
            row.Project = i % 3 == 0 ? "p" : string.Empty;
            row.Developer = $"dev{i % 4}";
            row.KeyId = $"key{i % 4}";
            row.Provider = "anthropic";
            row.SessionId = $"{row.Customer}-{i % Sessions}'\\{{x:String}}";
            rows[i] = row;
        }

        return rows;
    }

    /// <summary>The same attempt as it might be written again.</summary>
    public static UsageRow Again(UsageRow row, Action<UsageRow> change)
    {
        var again = RandomRows.Make(new PCG(99));
        again.Timestamp = row.Timestamp;
        again.RequestId = row.RequestId;
        again.AttemptId = row.AttemptId;
        again.GatewayId = row.GatewayId;
        again.Sequence = row.Sequence;
        again.Customer = row.Customer;
        again.Team = row.Team;
        again.Project = row.Project;
        again.Developer = row.Developer;
        again.KeyId = row.KeyId;
        again.Provider = row.Provider;
        again.Model = row.Model;
        again.SessionId = row.SessionId;
        again.HttpStatus = row.HttpStatus;
        again.ErrorType = row.ErrorType;
        again.UsageSource = row.UsageSource;
        again.Tokens = row.Tokens;
        again.Cost = row.Cost;
        change(again);
        return again;
    }
}
