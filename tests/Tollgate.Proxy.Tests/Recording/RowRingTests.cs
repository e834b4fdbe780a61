using CsCheck;
using Tollgate.Proxy.Recording;

namespace Tollgate.Proxy.Tests.Recording;

public class RowRingTests
{
    [Theory]
    [InlineData(1, 2)]
    [InlineData(2, 2)]
    [InlineData(1_000, 1_024)]
    [InlineData(1_024, 1_024)]
    public void The_capacity_is_the_next_power_of_two(int asked, int capacity) => Assert.Equal(capacity, new RowRing(asked).Capacity);

    [Fact]
    public void One_thread_sees_a_bounded_queue() =>
        Gen.Int[0, 9].Select(static _ => (new RowRing(4), new Queue<ulong>())).SampleModelBased(
            Gen.ULong.Operation<RowRing, Queue<ulong>>(
                static (RowRing ring, ulong number) => { ring.TryPut(new UsageRow { Sequence = number }); },
                static (Queue<ulong> model, ulong number) =>
                {
                    if (model.Count < 4)
                    {
                        model.Enqueue(number);
                    }
                }),
            Gen.Const(0).Operation<RowRing, Queue<ulong>>(
                static (RowRing ring, int _) => { ring.TryTake(); },
                static (Queue<ulong> model, int _) => { model.TryDequeue(out var _); }),
            equal: static (ring, model) => Content(ring).SequenceEqual(model));

    [Fact]
    public void Many_threads_leave_what_some_order_of_theirs_would_leave() =>
        Gen.Const(0).Select(static _ => new Observed(new RowRing(4))).SampleParallel(
            Gen.ULong[1, 99].Operation<Observed>(static (Observed observed, ulong number) => { observed.Ring.TryPut(new UsageRow { Sequence = number }); }),
            Gen.Const(0).Operation<Observed>(static (Observed observed, int _) => { observed.Ring.TryTake(); }),
            equal: static (left, right) => left.Content.SequenceEqual(right.Content),
            print: static observed => string.Join(',', observed.Content),
            iter: 300);

    // Takes everything out and puts it back: the ring has no other way to be looked at.
    private static List<ulong> Content(RowRing ring)
    {
        var rows = new List<UsageRow>();
        while (ring.TryTake() is { } row)
        {
            rows.Add(row);
        }

        rows.ForEach(row => Assert.True(ring.TryPut(row)));
        return rows.ConvertAll(static row => row.Sequence);
    }

    private sealed class Observed(RowRing ring)
    {
        public RowRing Ring => ring;

        public List<ulong> Content => RowRingTests.Content(ring);
    }
}
