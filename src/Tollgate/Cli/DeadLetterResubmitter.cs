using Tollgate.ClickHouse;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Recording;

namespace Tollgate.Cli;

/// <summary>Sends one row that was put aside to the store, once, and deletes its file when the store has it.</summary>
/// <remarks>
/// The store is asked before, so that a row that came in by other means is not sent twice, and after, because a store takes a token that it has noted
/// before for done. The token is a new one each time for the same reason.
/// </remarks>
/// <param name="store">The store.</param>
/// <param name="box">Where the row is.</param>
/// <param name="storage">Which store it is, for what to do when it is away.</param>
/// <param name="time">The clock.</param>
internal sealed class DeadLetterResubmitter(StoreClient store, DeadLetterBox box, StorageOptions storage, TimeProvider time)
{
    /// <summary>Sends the row.</summary>
    /// <exception cref="IOException">Its file can't be read or deleted.</exception>
    public async Task<Resubmission> ResubmitAsync(ulong number, CancellationToken cancellation)
    {
        var letter = box.Read(number);
        if (!RequestsTable.Knows(letter.RowFormat))
        {
            return new Resubmission(number, false, $"it is of format {letter.RowFormat}, and this Tollgate knows {RequestsTable.Version}. Use the version that wrote it.");
        }

        var sink = new ClickHouseUsageSink(store, letter.GatewayId, time);
        var batch = new UsageBatch(letter.GatewayId, letter.RowFormat, unchecked((int)time.GetUtcNow().ToUnixTimeSeconds()), letter.Row, new[] { letter.Row.Length });
        try
        {
            if (await IsStoredAsync(sink, letter, cancellation) is { } before)
            {
                return before ? Done(number, "it is in the store already.") : new Resubmission(number, false, "the store has another row under this number. Compare the two before anything else; nothing was sent.");
            }

            await sink.WriteAsync(batch, cancellation);
            return await IsStoredAsync(sink, letter, cancellation) == true
                ? Done(number, "stored.")
                : new Resubmission(number, false, "the store took it and does not show it. Try again.");
        }
        catch (UsageSinkException failed)
        {
            return Explain(number, failed);
        }
    }

    private Resubmission Done(ulong number, string what)
    {
        box.Delete(number);
        return new Resubmission(number, true, what);
    }

    private Resubmission Explain(ulong number, UsageSinkException failed)
    {
        if (failed.InnerException is StoreException { Fault: StoreFault.Unreachable })
        {
            var help = storage.Mode == StorageMode.Embedded
                ? $"Nobody answers at storage.listen, {storage.Listen}. The embedded store runs only with the gateway: start the gateway."
                : "Start the server, or correct storage.connectionString.";
            return new Resubmission(number, false, $"{failed.Message} {help} The row is kept.", IsStoreAway: true);
        }

        return new Resubmission(
            number,
            false,
            failed.Fault == SinkFault.Data
                ? $"still refused. {failed.Message} Mend the table, or look at the row with tollgate spool dead-letters --show {number}; the row is kept."
                : $"not stored. {failed.Message} The row is kept; mend the store and resubmit it again.");
    }

    /// <summary>Whether the row is in the store; null when nothing is there under its number, false when something else is.</summary>
    private static async Task<bool?> IsStoredAsync(ClickHouseUsageSink sink, DeadLetter letter, CancellationToken cancellation)
    {
        var found = await sink.FindAsync(letter.Sequence, letter.Sequence, cancellation);
        return found.Count == 0 ? null : found[0].AttemptId == RowBinaryDecoder.AttemptIdOf(letter.Row.Span);
    }
}

/// <summary>What became of a row that was sent again.</summary>
/// <param name="Sequence">Its number.</param>
/// <param name="IsStored">Whether the store has it now.</param>
/// <param name="What">In words.</param>
/// <param name="IsStoreAway">Whether the store did not answer at all.</param>
internal sealed record Resubmission(ulong Sequence, bool IsStored, string What, bool IsStoreAway = false);
