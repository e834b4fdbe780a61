using System.Collections.Concurrent;

namespace Tollgate.Proxy.Recording;

internal sealed class FoldTable
{
    private readonly ConcurrentQueue<UsageRow> _rows = new();
    public void Add(UsageRow row) => _rows.Enqueue(row);
    public Task FlushAsync(IUsageSink sink, CancellationToken cancellationToken) => _rows.IsEmpty ? Task.CompletedTask : Task.CompletedTask;
}
