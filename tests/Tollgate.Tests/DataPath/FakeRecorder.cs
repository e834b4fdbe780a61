using System.Collections.Concurrent;
using System.Threading.Channels;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Tests.DataPath;

/// <summary>Keeps what attempts are told to keep, and holds them to the order of it: begin, drafts, one close.</summary>
internal sealed class FakeRecorder : IUsageRecorder
{
    private readonly Channel<KeptAttempt> _closed = Channel.CreateUnbounded<KeptAttempt>();
    private readonly ConcurrentDictionary<OpenAttempt, KeptAttempt> _attempts = new();
    private long _closes;

    /// <inheritdoc/>
    public long Tail => Interlocked.Read(ref _closes);

    /// <summary>Whether there is room.</summary>
    public bool CanBegin { get; set; } = true;

    /// <summary>What an answer's end waits for, by the row that was drafted last.</summary>
    public Func<UsageRow, CancellationToken, ValueTask> Safe { get; set; } = static (_, _) => ValueTask.CompletedTask;

    /// <summary>Called at each draft, before the attempt goes on.</summary>
    public Action<UsageRow> Drafted { get; set; } = static _ => { };

    /// <summary>Every attempt, open or closed.</summary>
    public ICollection<KeptAttempt> Attempts => _attempts.Values;

    /// <summary>Attempts that were closed, each once, as they were.</summary>
    public ChannelReader<KeptAttempt> Closed => _closed.Reader;

    public OpenAttempt Begin()
    {
        var attempt = new OpenAttempt();
        _attempts[attempt] = new KeptAttempt();
        return attempt;
    }

    public void Draft(OpenAttempt attempt, UsageRow row)
    {
        var kept = _attempts[attempt];
        var draft = CopyOf(row);
        lock (kept)
        {
            kept.DraftsAfterClose += kept.Closes > 0 ? 1 : 0;
            kept.Drafts.Add(draft);
        }

        Drafted(draft);
    }

    public void DraftWhole(OpenAttempt attempt, UsageRow row) => Draft(attempt, row);

    public ValueTask WhenSafeAsync(OpenAttempt attempt, CancellationToken cancellationToken) => Safe(_attempts[attempt].Drafts[^1], cancellationToken);

    public long Close(OpenAttempt attempt, UsageRow row)
    {
        var kept = _attempts[attempt];
        lock (kept)
        {
            kept.Row = CopyOf(row);
            if (++kept.Closes == 1)
            {
                _closed.Writer.TryWrite(kept);
            }
        }

        return Interlocked.Increment(ref _closes) - 1;
    }

    // The row goes back to its pool and is used again.
    private static UsageRow CopyOf(UsageRow row)
    {
        var copy = new UsageRow { MessageId = row.MessageId };
        foreach (var property in typeof(UsageRow).GetProperties().Where(static property => property.CanWrite))
        {
            property.SetValue(copy, property.GetValue(row));
        }

        copy.Labels.AddRange(row.Labels);
        return copy;
    }
}

/// <summary>What was kept of one attempt.</summary>
internal sealed class KeptAttempt
{
    /// <summary>Before the first byte, before the last, before the answer's end.</summary>
    public const int MostDrafts = 3;

    /// <summary>Its drafts, in order.</summary>
    public List<UsageRow> Drafts { get; } = [];

    /// <summary>The row it was closed with.</summary>
    public UsageRow? Row { get; set; }

    /// <summary>How often it was closed; more than once is an error.</summary>
    public int Closes { get; set; }

    /// <summary>Drafts that came after that; any is an error.</summary>
    public int DraftsAfterClose { get; set; }
}
