using Tollgate.ClickHouse;
using Tollgate.Hosting;
using Tollgate.Proxy.Recording;

namespace Tollgate.Admin;

/// <summary>Whether the gateway is whole: each part, and what ails it.</summary>
internal sealed class Readiness(Drain drain, StoreSupervisor? supervisor, StoreMigration? migration, StoreClient? store, UsageRecording? recording)
{
    private static readonly TimeSpan PingTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Each part's name with what is wrong with it; null for a part that is well.</summary>
    public async Task<IReadOnlyList<KeyValuePair<string, string?>>> CheckAsync(CancellationToken cancellation)
    {
        var parts = new List<KeyValuePair<string, string?>>
        {
            new("gateway", drain.HasBegun ? "Tollgate is stopping." : null),
            new("configuration", null),
        };
        if (store is null)
        {
            return parts;
        }

        if (supervisor is not null)
        {
            parts.Add(new("store", supervisor.State == StoreState.Ready ? null : $"The embedded store is {supervisor.State}."));
        }

        parts.Add(new("storage", await store.PingAsync(PingTimeout, cancellation)));
        parts.Add(new("schema", migration?.Problem));
        parts.Add(new("spool", recording?.SpoolProblem));
        parts.Add(new("delivery", recording?.DeliveryProblem));
        return parts;
    }
}
