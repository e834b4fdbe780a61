using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;

namespace Tollgate.Proxy.Tests.Recording;

/// <summary>A store of folds alone: a fold that comes again replaces itself.</summary>
internal sealed class FoldSink : IUsageSink
{
    /// <summary>What it has, by identity.</summary>
    public Dictionary<Guid, Fold> Stored { get; } = [];

    /// <summary>Inserts that came.</summary>
    public int Writes { get; private set; }

    /// <summary>What the n-th insert does once its folds are stored, counted from 1; throws for an answer that is lost.</summary>
    public Action<int> Answer { get; set; } = static _ => { };

    /// <summary>Everything stored, added up.</summary>
    public FoldSums Total => Stored.Values.Aggregate(default(FoldSums), static (sum, fold) => FoldSums.AddSaturating(sum, fold.Sums));

    public Task WriteFoldsAsync(IReadOnlyList<Fold> folds, CancellationToken cancellationToken)
    {
        foreach (var fold in folds)
        {
            Stored[fold.Id] = fold;
        }

        Answer(++Writes);
        return Task.CompletedTask;
    }

    public Task WriteAsync(UsageBatch batch, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task AbandonAsync(CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task<IReadOnlyList<StoredRow>> FindAsync(ulong first, ulong last, CancellationToken cancellationToken) => throw new NotSupportedException();

    public Task RegisterAsync(ulong firstSequence, CancellationToken cancellationToken) => throw new NotSupportedException();
}
