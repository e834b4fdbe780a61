using System.Collections.Concurrent;
using System.Threading.Channels;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;

namespace Tollgate.Proxy.Tests.Recording;

/// <summary>A store that takes rows as ClickHouse does, a token once, unless the test says otherwise; it writes down what it is asked.</summary>
internal sealed class FakeStore : IUsageSink
{
    private readonly Channel<string> _asked = Channel.CreateUnbounded<string>();
    private readonly HashSet<string> _tokens = [];

    /// <summary>What the n-th write does, counted from 1.</summary>
    public Func<int, UsageBatch, Written> OnWrite { get; set; } = static (_, _) => Written.Taken;

    /// <summary>What comes of every other question, before it is answered.</summary>
    public Action<string> OnAsk { get; set; } = static _ => { };

    /// <summary>What a write waits for when it has done everything, before it says so.</summary>
    public Func<CancellationToken, Task> Hold { get; set; } = static _ => Task.CompletedTask;

    /// <summary>Every row it has, in the order they came; the same row twice when it was taken twice.</summary>
    public List<StoredRow> Rows { get; } = [];

    /// <summary>Everything it was asked, in order.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    /// <summary>Rows of each write, by its token.</summary>
    public List<(string Token, int Rows, int Bytes)> Writes { get; } = [];

    public async Task WriteAsync(UsageBatch batch, CancellationToken cancellationToken)
    {
        Note($"write {batch.Token}");
        Writes.Add((batch.Token, batch.Count, batch.Bytes.Length));
        var answer = OnWrite(Writes.Count, batch);
        if (answer.NotesToken && _tokens.Add(batch.Token))
        {
            Rows.AddRange(FakeFormat.RowsOf(batch).Where(row => answer.Keeps(row.Sequence)));
        }

        _asked.Writer.TryWrite(batch.Token);
        await Hold(cancellationToken);
        if (answer.Fails is not null)
        {
            throw answer.Fails;
        }
    }

    public Task AbandonAsync(CancellationToken cancellationToken)
    {
        Note("abandon");
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<StoredRow>> FindAsync(ulong first, ulong last, CancellationToken cancellationToken)
    {
        Note(last == ulong.MaxValue ? $"find {first}-" : $"find {first}-{last}");
        return Task.FromResult<IReadOnlyList<StoredRow>>([.. Rows.Where(row => row.Sequence >= first && row.Sequence <= last).DistinctBy(static row => row.Sequence)]);
    }

    public Task WriteFoldsAsync(IReadOnlyList<Fold> folds, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task RegisterAsync(ulong firstSequence, CancellationToken cancellationToken)
    {
        Note($"register {firstSequence}");
        return Task.CompletedTask;
    }

    /// <summary>The token of the next write, once it has done what it does.</summary>
    public async Task<string> NextWriteAsync() => await _asked.Reader.ReadAsync(TestContext.Current.CancellationToken);

    private void Note(string call)
    {
        Calls.Enqueue(call);
        OnAsk(call);
    }
}

/// <summary>What a write does.</summary>
/// <param name="NotesToken">Whether the token counts as taken from now on.</param>
/// <param name="Keeps">Which rows are kept.</param>
/// <param name="Fails">What the caller is told; null for success.</param>
internal sealed record Written(bool NotesToken, Predicate<ulong> Keeps, Exception? Fails)
{
    public static Written Taken { get; } = new(true, static _ => true, null);

    /// <summary>Nothing was kept.</summary>
    public static Written Not(SinkFault fault, string words = "no") => new(false, static _ => false, new UsageSinkException(words, fault));

    /// <summary>Everything was kept, and nobody says so.</summary>
    public static Written TakenBut(SinkFault fault) => Taken with { Fails = new UsageSinkException("no answer", fault) };

    /// <summary>The token was noted, and the rows were not kept: a kill between the two.</summary>
    public static Written TokenOnly() => new(true, static _ => false, new UsageSinkException("killed", SinkFault.Ambiguous));

    /// <summary>Some rows were kept.</summary>
    public static Written Only(params ulong[] kept) => new(true, kept.Contains, new UsageSinkException("half", SinkFault.Ambiguous));
}
