using Tollgate.Proxy.Recording.Folds;

namespace Tollgate.Proxy.Recording;

/// <summary>Where batches of the ledger go. The only door between the data path and storage.</summary>
/// <remarks>Errors: every call throws <see cref="UsageSinkException"/> when the store did not do as asked, and says what that means.</remarks>
public interface IUsageSink
{
    /// <summary>Writes one batch as one insert; returns when the store says it is committed.</summary>
    /// <remarks>The store takes a token (<see cref="UsageBatch.Token"/>) once: a second insert under it adds what the first one lacked, never anything twice.</remarks>
    Task WriteAsync(UsageBatch batch, CancellationToken cancellationToken);

    /// <summary>Ends every insert of this gateway whose outcome is not known, and returns when the store no longer works on any.</summary>
    /// <remarks>Of all tokens: after a restart nobody remembers in which parts a batch was sent, and a part that lands late would be there twice.</remarks>
    Task AbandonAsync(CancellationToken cancellationToken);

    /// <summary>Which of this gateway's rows the store has, from number <paramref name="first"/> to <paramref name="last"/>, each once.</summary>
    Task<IReadOnlyList<StoredRow>> FindAsync(ulong first, ulong last, CancellationToken cancellationToken);

    /// <summary>Writes folds as one insert; returns when the store says it is committed. May be said again: a fold replaces itself.</summary>
    Task WriteFoldsAsync(IReadOnlyList<Fold> folds, CancellationToken cancellationToken);

    /// <summary>Notes where the numbers of this gateway's spool begin, so that a jump to them is no hole. May be said again.</summary>
    Task RegisterAsync(ulong firstSequence, CancellationToken cancellationToken);
}

/// <summary>A row that the store has.</summary>
/// <param name="Sequence">Its number.</param>
/// <param name="AttemptId">Its attempt.</param>
public readonly record struct StoredRow(ulong Sequence, Guid AttemptId);

/// <summary>What a failure of the store means for the rows.</summary>
public enum SinkFault
{
    /// <summary>Not known whether the rows were committed: no answer, or an answer that leaves it open. Look before trying again.</summary>
    Ambiguous,

    /// <summary>Tables, rights or settings are wrong; the rows can wait until an operator has mended them.</summary>
    Setup,

    /// <summary>The store says that the rows themselves are wrong.</summary>
    Data,
}

/// <summary>The store did not do as asked.</summary>
/// <param name="message">What the store said.</param>
/// <param name="fault">What that means.</param>
/// <param name="inner">The cause.</param>
public sealed class UsageSinkException(string message, SinkFault fault, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>What the failure means for the rows.</summary>
    public SinkFault Fault { get; } = fault;

    /// <summary>Whether an exception is the store's, or a sink's own fault, and not the caller's wish to end.</summary>
    public static bool IsOfStore(Exception failure, CancellationToken asked) => failure is not OperationCanceledException || !asked.IsCancellationRequested;

    /// <summary>The exception in these words. One that the contract does not name leaves everything open.</summary>
    public static UsageSinkException Of(Exception failure)
    {
        ArgumentNullException.ThrowIfNull(failure);
        return failure as UsageSinkException ?? new UsageSinkException(failure.Message, SinkFault.Ambiguous, failure);
    }
}
