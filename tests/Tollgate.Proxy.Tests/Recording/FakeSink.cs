using System.Threading.Channels;
using Tollgate.Proxy.Recording;

namespace Tollgate.Proxy.Tests.Recording;

/// <summary>A store that does what the test says for each write, and keeps what it took.</summary>
internal sealed class FakeSink : IUsageSink
{
    private readonly Channel<(string Id, int Rows)> _tries = Channel.CreateUnbounded<(string, int)>();

    /// <summary>What the n-th write does, counted from 1; the batch is kept when it ends well.</summary>
    public Func<int, CancellationToken, Task> Answer { get; set; } = static (_, _) => Task.CompletedTask;

    /// <summary>Attempt id, sequence and gateway of every row taken, in order.</summary>
    public List<(Guid AttemptId, ulong Sequence, string GatewayId)> Taken { get; } = [];

    public int Tries { get; private set; }

    public async Task WriteAsync(UsageBatch batch, CancellationToken cancellationToken)
    {
        Tries++;
        var answer = Answer(Tries, cancellationToken);
        _tries.Writer.TryWrite((batch.Id, batch.Rows.Count));
        await answer;
        Taken.AddRange(batch.Rows.Select(static row => (row.AttemptId, row.Sequence, row.GatewayId)));
    }

    /// <summary>The next write, once it has begun.</summary>
    public async Task<(string Id, int Rows)> NextTryAsync() => await _tries.Reader.ReadAsync(TestContext.Current.CancellationToken);
}
