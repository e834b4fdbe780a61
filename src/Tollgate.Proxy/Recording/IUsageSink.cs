namespace Tollgate.Proxy.Recording;

/// <summary>Where batches of the ledger go. The only door between the data path and storage.</summary>
public interface IUsageSink
{
    /// <summary>Writes one batch as one insert; returns when the store says it is committed.</summary>
    /// <remarks>
    /// A batch may be written again with the same <see cref="UsageBatch.Id"/> after a failure; the sink passes the id on so
    /// that the store can recognise it.
    /// The token is the deadline of a stop: the write must end soon after it, or the gateway can't.
    /// </remarks>
    /// <exception cref="UsageSinkException">The store did not take the batch; says whether trying again can help.</exception>
    Task WriteAsync(UsageBatch batch, CancellationToken cancellationToken);
}

/// <summary>Rows that are inserted together, or not at all.</summary>
/// <param name="Id">Names the batch to the store; the same over every retry.</param>
/// <param name="Rows">The rows, in the order they ended; valid until the write returns.</param>
public sealed record UsageBatch(string Id, IReadOnlyList<UsageRow> Rows);

/// <summary>A batch was not written.</summary>
/// <param name="message">What the store said.</param>
/// <param name="canRetry">Whether the same batch may succeed later.</param>
/// <param name="inner">The cause.</param>
public sealed class UsageSinkException(string message, bool canRetry, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>Whether the same batch may succeed later. False: the rows themselves, or the set-up, are at fault.</summary>
    public bool CanRetry { get; } = canRetry;
}
