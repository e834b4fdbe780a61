using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Recording;

/// <summary>Keeps rows of attempts, from the first byte sent upstream on.</summary>
/// <remarks>Never throws and, but for <see cref="WhenSafeAsync"/>, never waits. A row stays the caller's.</remarks>
public interface IUsageRecorder
{
    /// <summary>The place of a row that is in a sum: behind all others.</summary>
    const long Folded = long.MaxValue;

    /// <summary>The place of the next row: every row noted before the call has a smaller one.</summary>
    long Tail { get; }

    /// <summary>Whether a new attempt may begin. False when its row could not be kept and the configuration says to refuse then.</summary>
    bool CanBegin { get; }

    /// <summary>An attempt begins. Ends with <see cref="Close"/>.</summary>
    OpenAttempt Begin();

    /// <summary>Notes the row as it would read if the gateway died now. A later draft of the same attempt takes its place.</summary>
    void Draft(OpenAttempt attempt, UsageRow row);

    /// <summary>Notes the row once the answer is whole, before the client can know. Where a draft has no room it is kept otherwise: nothing more will be known.</summary>
    void DraftWhole(OpenAttempt attempt, UsageRow row);

    /// <summary>Returns once the newest draft would survive what it is configured to survive; at once unless that is a power cut.</summary>
    ValueTask WhenSafeAsync(OpenAttempt attempt, CancellationToken cancellationToken);

    /// <summary>Notes the attempt's row, and ends the attempt.</summary>
    /// <returns>The row's place, to be compared with <see cref="Tail"/>; <see cref="Folded"/> when it had no room and is in a sum instead.</returns>
    long Close(OpenAttempt attempt, UsageRow row);
}
