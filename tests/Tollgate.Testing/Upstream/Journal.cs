namespace Tollgate.Testing.Upstream;

/// <summary>What one answered inference call told its caller; the money oracle of a test.</summary>
/// <param name="Request">The call.</param>
/// <param name="Plan">What was planned for it.</param>
/// <param name="Ordinal">The k of <see cref="TokenFigures.OfReply"/>, from 1; 0 for an answer without usage.</param>
/// <param name="Model">The model that says it served.</param>
/// <param name="Figures">The usage told at the end; null for an answer without usage.</param>
/// <param name="MessageId"><c>message.id</c>.</param>
/// <param name="RequestId">The <c>request-id</c> header.</param>
public sealed record ServedReply(RecordedRequest Request, Reply Plan, int Ordinal, string Model, TokenFigures? Figures, string MessageId, string RequestId);

/// <summary>A list that threads append to and tests wait on.</summary>
public sealed class Journal<T>
{
    private readonly Lock _gate = new();
    private readonly List<T> _entries = [];
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Everything so far, oldest first.</summary>
    public IReadOnlyList<T> All
    {
        get
        {
            lock (_gate)
            {
                return [.. _entries];
            }
        }
    }

    /// <summary>Everything so far, once there are at least <paramref name="count"/> entries.</summary>
    /// <exception cref="TimeoutException">Fewer came in time.</exception>
    public async Task<IReadOnlyList<T>> WaitForAsync(int count, TimeSpan timeout)
    {
        using var late = new CancellationTokenSource(timeout);
        while (true)
        {
            Task grown;
            lock (_gate)
            {
                if (_entries.Count >= count)
                {
                    return [.. _entries];
                }

                grown = _grown.Task;
            }

            try
            {
                await grown.WaitAsync(late.Token);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"{All.Count} of {count} came within {timeout}.");
            }
        }
    }

    internal int Add(Func<int, T> entry)
    {
        lock (_gate)
        {
            _entries.Add(entry(_entries.Count + 1));
            var grown = _grown;
            _grown = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            grown.SetResult();
            return _entries.Count;
        }
    }
}
