using Tollgate.ClickHouse.Rollup;
using Tollgate.Proxy.Recording;

namespace Tollgate.ClickHouse.Tests;

/// <summary>Folds as a gateway without disk leaves them.</summary>
internal static class LedgerFolds
{
    /// <summary>A fold of the slot and key of <paramref name="like"/>: so many attempts, one of them an error, all of their money for input and estimated.</summary>
    public static Task WriteAsync(LedgerStore store, Guid fold, UsageRow like, long requests, long nanodollars) => store.Client.ExecuteAsync(
        """
        INSERT INTO tollgate.usage_folded (customer, slot, team, project, developer, key_id, provider, model, requests, errors, input_tokens,
          cost_input, cost, cost_uncached, estimated_cost, gateway_id, fold_id)
        SELECT {customer:String}, toDateTime({slot:UInt32}, 'UTC'), {team:String}, {project:String}, {developer:String}, {key:String}, {provider:String}, {model:String},
          {requests:UInt64}, 1, {requests:UInt64} * 10, money, money, money, money, {gateway:String}, toUUID({fold:String})
        FROM (SELECT toDecimal64({nano:Int64}, 9) / 1000000000 AS money)
        """,
        new Dictionary<string, object>
        {
            ["customer"] = like.Customer,
            ["slot"] = (uint)MoneySlot.Floor(like.Timestamp).ToUnixTimeSeconds(),
            ["team"] = like.Team,
            ["project"] = like.Project,
            ["developer"] = like.Developer,
            ["key"] = like.KeyId,
            ["provider"] = like.Provider,
            ["model"] = like.Model,
            ["requests"] = (ulong)requests,
            ["gateway"] = like.GatewayId,
            ["fold"] = fold.ToString(),
            ["nano"] = nanodollars,
        },
        TestContext.Current.CancellationToken);
}
