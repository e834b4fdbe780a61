using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Rollup;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;

namespace Tollgate.Demo.History;

/// <summary>Brings the history into a ledger on the way that a gateway's rows take: the spool, numbered batches, the sink, the money rollup.</summary>
/// <remarks>
/// <see cref="Write"/> alone fills the spool of a gateway that is to start; it then sends them as it sends what a killed gateway left behind, and
/// its own rows are numbered after them. <see cref="DeliverAsync"/> does the sending here, for a store without a gateway.
/// </remarks>
internal static class HistorySpool
{
    // One segment takes the history of a month, so that rows written at once never wait for the next to be prepared.
    private static readonly SpoolOptions Options = new() { SegmentBytes = 64 * 1024 * 1024, WhenFull = WhenSpoolFull.Block };

    /// <summary>Where a gateway with this data directory has its spool.</summary>
    public static string DirectoryOf(string dataDirectory) => Path.Combine(Path.GetFullPath(dataDirectory), "spool");

    /// <summary>Writes the rows to a spool and closes it.</summary>
    /// <param name="directory">The spool's.</param>
    /// <param name="rows">In the order in which their attempts ended.</param>
    /// <param name="gatewayId">Whose they are.</param>
    /// <param name="time">The clock.</param>
    public static void Write(string directory, IReadOnlyList<UsageRow> rows, string gatewayId, TimeProvider time)
    {
        // The store is not asked before a recording starts.
        using var nobody = new StoreClient(new StorageOptions());
        using var recording = Open(directory, nobody, gatewayId, time);
        foreach (var row in rows)
        {
            if (recording.Recorder.Close(recording.Recorder.Begin(), row) == IUsageRecorder.Folded)
            {
                throw new InvalidOperationException($"The spool in {directory} has no room for {rows.Count} rows: {recording.SpoolProblem ?? "it is full"}.");
            }
        }
    }

    /// <summary>Sends what a spool holds to a store that has the schema, and computes the money rollup.</summary>
    public static async Task DeliverAsync(string directory, StoreClient store, string gatewayId, TimeProvider time, CancellationToken cancellationToken)
    {
        using (var recording = Open(directory, store, gatewayId, time))
        {
            await recording.StartAsync(cancellationToken);
            try
            {
                await recording.WhenDeliveredAsync(recording.Recorder.Tail, cancellationToken);
            }
            finally
            {
                await recording.StopAsync(cancellationToken);
            }
        }

        await new MoneyRollup(store, time).RefreshAsync(cancellationToken);
    }

    private static UsageRecording Open(string directory, StoreClient store, string gatewayId, TimeProvider time) => UsageRecording.Open(
        directory,
        Options,
        new RecordingOptions(),
        new RowBinaryFormat(),
        new ClickHouseUsageSink(store, gatewayId, time),
        gatewayId,
        time,
        new GatewayEvents(new GatewayMetrics(new MetricsOptions()), NullLogger<GatewayEvents>.Instance));
}
