using Tollgate.Proxy.Recording;
using Tollgate.Testing;

namespace Tollgate.Proxy.Tests.Recording;

public class UsageRowPoolTests
{
    [Fact]
    public void A_returned_row_comes_back_as_new()
    {
        var pool = new UsageRowPool(4);
        var row = pool.Rent();
        row.Model = "claude";
        row.Labels.Add(new("environment", "test"));
        pool.Return(row);

        var again = pool.Rent();
        Assert.Same(row, again);
        Assert.Empty(again.Model);
        Assert.Empty(again.Labels);
    }

    [Fact]
    public void No_more_rows_are_kept_than_the_capacity()
    {
        var pool = new UsageRowPool(4);
        var rows = Enumerable.Range(0, 10).Select(_ => pool.Rent()).ToList();
        rows.ForEach(pool.Return);
        var again = Enumerable.Range(0, 10).Select(_ => pool.Rent()).ToList();
        Assert.Equal(4, again.Intersect(rows).Count());
        Assert.Equal(10, again.Distinct().Count());
    }

    [Fact]
    public void Renting_from_a_warm_pool_allocates_nothing()
    {
        var pool = new UsageRowPool(4);
        pool.Return(pool.Rent());
        Assert.Equal(0, Allocations.Least(() =>
        {
            for (var i = 0; i < 1_000; i++)
            {
                pool.Return(pool.Rent());
            }
        }));
    }
}
