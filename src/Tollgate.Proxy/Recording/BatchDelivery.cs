using Tollgate.Proxy.Metrics;

namespace Tollgate.Proxy.Recording;

/// <summary>How a batch was sent before this process took it up.</summary>
internal enum EarlierSend
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>Under its token, or not at all.</summary>
    Whole,

    /// <summary>Only in parts under its attempt's tokens, so that its own token is new to the store and would add every row again.</summary>
    InParts,
}

/// <summary>Brings one batch into the store exactly once, however long that takes and whatever the store does.</summary>
/// <remarks>
/// The store recognises an insert by its token, but the token alone loses batches: the note of it is written before the rows are in place, and a store
/// killed between the two takes the batch for a repeat ever after. So after every outcome that leaves anything open the store is asked which rows
/// it has (<see cref="IUsageSink.FindAsync"/>), and then:
/// all of them: sent once more under the token they were sent under, which adds nothing to the rows and completes the views;
/// none: sent under a new token, which the old note can't swallow;
/// some: the others are sent under a new token.
/// A batch that the store calls wrong is halved until the wrong row stands alone, and that one is put aside.
/// </remarks>
/// <param name="sink">The store.</param>
/// <param name="schedule">How long to pause.</param>
/// <param name="deadLetters">Where wrong rows go.</param>
/// <param name="noteAttempt">
/// Makes it durable that a new token is about to be used, and whether for parts of the batch, so that a restart uses neither it nor an older one for
/// other rows.
/// </param>
/// <param name="pause">Pauses; throws when the gateway is stopping.</param>
/// <param name="time">The clock.</param>
/// <param name="events">Told of everything that happens.</param>
internal sealed class BatchDelivery(
    IUsageSink sink,
    BatchSchedule schedule,
    DeadLetters deadLetters,
    Func<int, bool, CancellationToken, Task> noteAttempt,
    Func<TimeSpan, CancellationToken, Task> pause,
    TimeProvider time,
    GatewayEvents events)
{
    /// <summary>Rows put aside one after the other, without one that the store took, until it must be the table that is wrong and not they.</summary>
    public const int MostPutAsideInARow = 100;

    private int _putAsideInARow;
    private int _attempt;
    private int _count;

    /// <summary>What the last try failed with; null when it did not.</summary>
    public string? Problem { get; private set; }

    /// <summary>Delivers a batch.</summary>
    /// <param name="batch">The rows.</param>
    /// <param name="earlier">How it was sent before.</param>
    /// <param name="cancellationToken">Ends the delivery in the middle; what it has reached is found out the next time.</param>
    public async Task DeliverAsync(UsageBatch batch, EarlierSend earlier, CancellationToken cancellationToken)
    {
        (_attempt, _count) = (batch.Attempt, batch.Count);
        var rest = earlier == EarlierSend.None ? batch : await FindRestAsync(batch, wasSent: earlier == EarlierSend.Whole, isWrong: false, cancellationToken);
        await DeliverPartAsync(rest, cancellationToken);
        Problem = null;
    }

    private async Task DeliverPartAsync(UsageBatch? rest, CancellationToken cancellationToken)
    {
        for (var tries = 1; rest is not null; tries++)
        {
            var failure = await TryWriteAsync(rest, cancellationToken);
            if (failure is null)
            {
                _putAsideInARow = 0;
                return;
            }

            var isWrong = failure.Fault == SinkFault.Data && _putAsideInARow < MostPutAsideInARow;
            if (!isWrong)
            {
                await PauseAsync(rest, failure, tries, cancellationToken);
            }

            // Also of a batch that the store calls wrong: a failing view says so too, when the rows are in already.
            rest = await FindRestAsync(rest, wasSent: true, isWrong, cancellationToken);
            if (rest is not null && isWrong)
            {
                await DivideAsync(rest, failure, cancellationToken);
                return;
            }
        }
    }

    /// <summary>Gets a batch that the store calls wrong delivered but for the row that is.</summary>
    private async Task DivideAsync(UsageBatch wrong, UsageSinkException failure, CancellationToken cancellationToken)
    {
        if (wrong.Count > 1)
        {
            var half = wrong.Count / 2;
            await DeliverPartAsync(wrong.Slice(0, half), cancellationToken);
            await DeliverPartAsync(wrong.Slice(half, wrong.Count - half), cancellationToken);
            return;
        }

        while (true)
        {
            try
            {
                deadLetters.Put(wrong, failure.Message, time.GetUtcNow());
                _putAsideInARow++;
                events.RowPutAside(wrong.SequenceOf(0), failure.Message);
                return;
            }
            catch (IOException noRoom)
            {
                events.DeadLetterNotWritten(wrong.SequenceOf(0), noRoom.Message);
                await pause(schedule.PauseAfterFailure(Random.Shared.NextDouble()), cancellationToken);
            }
        }
    }

    /// <summary>Finds out which rows of a part still have to be sent, and under which token; null when none has.</summary>
    /// <param name="part">The rows.</param>
    /// <param name="wasSent">They were sent, these and no others, under the part's token.</param>
    /// <param name="isWrong">The store calls them wrong, so that what is left of them will be halved.</param>
    /// <param name="cancellationToken">Ends it.</param>
    private async Task<UsageBatch?> FindRestAsync(UsageBatch part, bool wasSent, bool isWrong, CancellationToken cancellationToken)
    {
        for (var tries = 1; ; tries++)
        {
            UsageSinkException failure;
            try
            {
                await sink.AbandonAsync(cancellationToken);
                var found = await sink.FindAsync(part.SequenceOf(0), part.SequenceOf(part.Count - 1), cancellationToken);
                // By number and not by count: a part may have gaps, where rows of other parts are stored.
                var stored = found.Select(static row => row.Sequence).ToHashSet();
                if (part.Where(sequence => !stored.Contains(sequence), _attempt + 1) is { } rest)
                {
                    await noteAttempt(++_attempt, isWrong || rest.Count < _count, cancellationToken);
                    return rest;
                }

                if (!wasSent || await TryWriteAsync(part, cancellationToken) is not { } again)
                {
                    return null;
                }

                if (again.Fault == SinkFault.Data)
                {
                    // The rows are there; only what is derived from them is not, and that can be rebuilt.
                    events.ViewsNotFilled(part.Token, again.Message);
                    return null;
                }

                failure = again;
            }
            catch (Exception unanswered) when (UsageSinkException.IsOfStore(unanswered, cancellationToken))
            {
                failure = UsageSinkException.Of(unanswered);
            }

            await PauseAsync(part, failure, tries, cancellationToken);
        }
    }

    private async Task<UsageSinkException?> TryWriteAsync(UsageBatch batch, CancellationToken cancellationToken)
    {
        var started = time.GetTimestamp();
        try
        {
            await sink.WriteAsync(batch, cancellationToken);
            schedule.Reset();
            Problem = null;
            events.RowsStored(batch.Count, time.GetElapsedTime(started));
            return null;
        }
        catch (Exception failure) when (UsageSinkException.IsOfStore(failure, cancellationToken))
        {
            return UsageSinkException.Of(failure);
        }
    }

    private Task PauseAsync(UsageBatch batch, UsageSinkException failure, int tries, CancellationToken cancellationToken)
    {
        Problem = failure.Message;
        var length = schedule.PauseAfterFailure(Random.Shared.NextDouble());
        if (failure.Fault is SinkFault.Setup or SinkFault.Data)
        {
            events.DeliveryHeld(batch.Token, tries, length, failure.Message);
        }
        else
        {
            events.InsertFailed(batch.Token, failure, tries, length);
        }

        return pause(length, cancellationToken);
    }
}
