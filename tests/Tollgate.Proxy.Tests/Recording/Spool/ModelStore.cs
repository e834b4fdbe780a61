using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Tests.Recording.Spool;

/// <summary>A store that keeps what it is sent, knows a token again, and notices whatever a ledger must not be told.</summary>
internal sealed class ModelStore(Func<Guid, bool> isWrong)
{
    private readonly Dictionary<string, SentBatch> _tokens = new(StringComparer.Ordinal);
    private readonly HashSet<string> _swallowed = new(StringComparer.Ordinal);
    private readonly Dictionary<ulong, byte[]> _sent = [];
    private readonly HashSet<Guid> _attempts = [];
    private readonly List<SentBatch> _late = [];

    /// <summary>What it has, by number.</summary>
    public SortedDictionary<ulong, byte[]> Rows { get; } = [];

    /// <summary>How a write ends for a store that is well.</summary>
    public void Write(SentBatch batch, TaskCompletionSource answer)
    {
        Note(batch);
        if (HasWrongRow(batch))
        {
            answer.SetException(new UsageSinkException("wrong row", SinkFault.Data));
            return;
        }

        Take(batch, batch.Rows.Count);
        answer.SetResult();
    }

    /// <summary>How a write ends for a store that is not.</summary>
    public void WriteBadly(SentBatch batch, TaskCompletionSource answer, Random random)
    {
        Note(batch);
        if (HasWrongRow(batch))
        {
            answer.SetException(new UsageSinkException("wrong row", SinkFault.Data));
            return;
        }

        switch (random.Next(7))
        {
            case 0: // Committed, and the answer lost.
                Take(batch, batch.Rows.Count);
                answer.SetException(new UsageSinkException("no answer", SinkFault.Ambiguous));
                break;
            case 1: // Never arrived.
                answer.SetException(new IOException("refused"));
                break;
            case 2: // One partition of two.
                Take(batch, random.Next(batch.Rows.Count + 1));
                answer.SetException(new UsageSinkException("partly", SinkFault.Ambiguous));
                break;
            case 3: // Still at work on it.
                _late.Add(batch);
                answer.SetException(new UsageSinkException("timeout", SinkFault.Ambiguous));
                break;
            case 4: // Noted, and killed before the rows were in place.
                if (_tokens.TryAdd(batch.Token, batch))
                {
                    _swallowed.Add(batch.Token);
                }

                answer.SetException(new UsageSinkException("killed", SinkFault.Ambiguous));
                break;
            case 5: // A view failed; the rows are in.
                Take(batch, batch.Rows.Count);
                answer.SetException(new UsageSinkException("view", SinkFault.Data));
                break;
            default:
                answer.SetException(new UsageSinkException("no rights", SinkFault.Setup));
                break;
        }
    }

    /// <summary>A write that lies: it is answered, and not done yet.</summary>
    public void WriteLater(SentBatch batch, TaskCompletionSource answer)
    {
        Note(batch);
        _late.Add(batch);
        answer.SetResult();
    }

    /// <summary>The process is gone while a write was under way.</summary>
    public void Orphan(SentBatch batch, Random random)
    {
        Note(batch);
        if (!HasWrongRow(batch))
        {
            switch (random.Next(3))
            {
                case 0:
                    Take(batch, batch.Rows.Count);
                    break;
                case 1:
                    _late.Add(batch);
                    break;
            }
        }
    }

    /// <summary>Something it was still at work on is done.</summary>
    public void Land(Random random)
    {
        if (_late.Count > 0)
        {
            var index = random.Next(_late.Count);
            var batch = _late[index];
            _late.RemoveAt(index);
            Take(batch, batch.Rows.Count);
        }
    }

    /// <summary>Ends what it is at work on.</summary>
    public void Abandon() => _late.Clear();

    public IReadOnlyList<StoredRow> Find(ulong first, ulong last) =>
        [.. Rows.Where(row => row.Key >= first && row.Key <= last).Select(static row => new StoredRow(row.Key, AttemptOf(row.Value)))];

    public static Guid AttemptOf(ReadOnlySpan<byte> row) => new(SpooledRow.AttemptIdOf(row));

    private bool HasWrongRow(SentBatch batch) => batch.Rows.Any(row => isWrong(AttemptOf(row)));

    private void Note(SentBatch batch)
    {
        foreach (var row in batch.Rows)
        {
            var number = SpooledRow.SequenceOf(row);
            Assert.True(!_sent.TryGetValue(number, out var other) || other.AsSpan().SequenceEqual(row), $"number {number} was given to two rows");
            _sent[number] = row;
        }

        if (_tokens.TryGetValue(batch.Token, out var before))
        {
            Assert.True(
                before.Rows.Count == batch.Rows.Count && before.Rows.Zip(batch.Rows).All(static pair => pair.First.AsSpan().SequenceEqual(pair.Second)),
                $"{batch.Token} was sent with other bytes");
        }
    }

    private void Take(SentBatch batch, int most)
    {
        if (_swallowed.Contains(batch.Token))
        {
            return;
        }

        var isKnown = !_tokens.TryAdd(batch.Token, batch);
        foreach (var row in batch.Rows.Take(most))
        {
            var number = SpooledRow.SequenceOf(row);
            if (isKnown && Rows.ContainsKey(number))
            {
                continue;
            }

            Assert.True(Rows.TryAdd(number, row), $"number {number} was inserted twice, the second time under {batch.Token}");
            Assert.True(_attempts.Add(AttemptOf(row)), $"attempt {AttemptOf(row)} was inserted twice");
        }
    }
}
