using Tollgate.Proxy.Facts;
using Tollgate.Testing;

namespace Tollgate.Proxy.Tests.Facts;

public class Uuid7Tests
{
    [Fact]
    public void It_has_the_time_version_and_variant_where_the_platforms_own_has_them()
    {
        var at = new DateTimeOffset(2026, 12, 1, 0, 30, 15, 678, TimeSpan.Zero);
        var (ours, platforms) = (Uuid7.Create(at), Guid.CreateVersion7(at));
        Assert.Equal(platforms.ToString()[..13], ours.ToString()[..13]);
        Assert.Equal(7, ours.Version);
        Assert.Equal(platforms.Variant & 0xc, ours.Variant & 0xc);
    }

    [Fact]
    public async Task Of_hundreds_of_thousands_on_several_threads_at_one_instant_no_two_are_alike()
    {
        var made = await Task.WhenAll(Enumerable.Range(0, 4).Select(static _ => Task.Run(static () => Enumerable.Range(0, 100_000).Select(static _ => Uuid7.Create(DateTimeOffset.UnixEpoch)).ToArray())));
        Assert.Equal(400_000, made.SelectMany(static ids => ids).ToHashSet().Count);
    }

    [Fact]
    public void Every_bit_of_chance_is_now_set_and_now_not()
    {
        var (ever, always) = (new byte[16], Enumerable.Repeat((byte)0xff, 16).ToArray());
        for (var number = 0; number < 1_000; number++)
        {
            var bytes = Uuid7.Create(DateTimeOffset.UnixEpoch).ToByteArray(bigEndian: true);
            for (var at = 0; at < 16; at++)
            {
                ever[at] |= bytes[at];
                always[at] &= bytes[at];
            }
        }

        Assert.Equal("0000000000007FFFBFFFFFFFFFFFFFFF", Convert.ToHexString(ever));
        Assert.Equal("00000000000070008000000000000000", Convert.ToHexString(always));
    }

    [Fact]
    public void Making_one_allocates_nothing()
    {
        Assert.Equal(0, Allocations.Least(static () =>
        {
            for (var number = 0; number < 1_000; number++)
            {
                Uuid7.Create(DateTimeOffset.UnixEpoch);
            }
        }));
    }
}
