using CsCheck;
using Tollgate.ClickHouse.Audit;

namespace Tollgate.ClickHouse.Tests.Audit;

public sealed class HoleListTests
{
    private static readonly Gen<SequenceRange> Range = Gen.Select(Gen.ULong[0, 60], Gen.ULong[0, 12], static (first, length) => new SequenceRange(first, first + length));

    [Fact]
    public void What_is_missing_is_what_a_set_says_is_missing() =>
        Gen.Select(Gen.ULong[0, 70].HashSet[0, 40], Range.Array[0, 6]).Sample(static (absent, excused) =>
        {
            var holes = new HoleList(excused, int.MaxValue);
            foreach (var number in absent.Order())
            {
                holes.Add(new SequenceRange(number, number));
            }

            holes.Close();
            var missing = absent.Where(number => !excused.Any(range => range.First <= number && number <= range.Last)).Order().ToArray();
            Assert.Equal(missing, Numbers(holes.Missing));
            Assert.Equal(absent.Order(), Numbers(holes.Absent));
            Assert.Equal((missing.Length, absent.Count - missing.Length), (holes.MissingCount, holes.ExcusedCount));
            Assert.False(holes.IsCut);
        });

    [Fact]
    public void Neighbours_are_one_range_and_what_is_too_much_to_keep_is_counted()
    {
        var holes = new HoleList([], 2);
        foreach (var range in new SequenceRange[] { new(1, 2), new(3, 3), new(5, 5), new(7, 9), new(20, 20) })
        {
            holes.Add(range);
        }

        holes.Close();
        Assert.Equal([new(1, 3), new(5, 5)], holes.Missing);
        Assert.Equal(8, holes.MissingCount);
        Assert.True(holes.IsCut);
    }

    private static IEnumerable<ulong> Numbers(IEnumerable<SequenceRange> ranges) => ranges.SelectMany(static range => Enumerable.Range(0, (int)range.Count).Select(i => range.First + (ulong)i));
}
