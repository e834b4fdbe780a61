using System.Runtime.CompilerServices;
using Tollgate.Control;

namespace Tollgate.Admin.Resources;

/// <summary>Reads whole lists of the control store, page by page.</summary>
internal static class ControlStoreLists
{
    private const int PageSize = 1000;

    /// <summary>Every object that the query's filters let through, from its <see cref="ListQuery.After"/> on.</summary>
    public static async IAsyncEnumerable<Stored<T>> AllAsync<T>(this IControlStore store, ListQuery query, [EnumeratorCancellation] CancellationToken cancellation)
        where T : class
    {
        for (string? after = query.After; ;)
        {
            var page = await store.ListAsync<T>(query with { After = after, Limit = PageSize }, cancellation);
            foreach (var item in page.Items)
            {
                yield return item;
            }

            if (page.Next is null)
            {
                yield break;
            }

            after = page.Next;
        }
    }
}
