using System.Text;
using Tollgate.Admin.Access;
using Tollgate.Admin.Wire;
using Tollgate.Control;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Facts;

namespace Tollgate.Admin.Resources;

/// <summary>What is spent, held and used at this moment.</summary>
internal sealed class StateRoutes(IControlStore store, IAdmissionStates states)
{
    private static readonly string[] Parameters = ["limit", "after", "id", "scope", "value"];

    /// <summary>Adds the routes.</summary>
    public void Map(IEndpointRouteBuilder api)
    {
        api.MapGet("/budgets/state", (Delegate)BudgetsAsync).WithName("budgets.state").WithTags("budgets").For(Role.Viewer)
            .WithSummary("What is spent and held of each budget now, one entry for each value of a budget for each.")
            .WithMetadata(new QueryParameters(Parameters)).Produces<ListAnswer<BudgetStateView>>();
        api.MapGet("/limits/state", (Delegate)LimitsAsync).WithName("limits.state").WithTags("limits").For(Role.Viewer)
            .WithSummary("How much of each rate limit is used now, one entry for each value.")
            .WithMetadata(new QueryParameters(Parameters)).Produces<ListAnswer<LimitStateView>>();
    }

    private Task BudgetsAsync(HttpContext context) =>
        WriteAsync(context, states.Budgets(), static state => (state.Budget.Id, state.Budget.Scope, state.Value), BudgetStateView.Of);

    private Task LimitsAsync(HttpContext context) =>
        WriteAsync(context, states.Limits(), static state => (state.Limit.Id, state.Limit.Scope, state.Value), LimitStateView.Of);

    private async Task WriteAsync<TState, TView>(HttpContext context, IReadOnlyList<TState> all, Func<TState, (string Id, ScopeKind Scope, string Value)> name, Func<TState, TView> view)
    {
        var query = new QueryReader(context.Request.Query, Parameters);
        var limit = query.Limit();
        var reach = await Reach.OfAsync(Caller.Of(context), store, context.RequestAborted);
        var (id, scope, value) = (query.Text("id"), query.Named<ScopeKind>("scope"), query.Text("value"));
        var after = Cursor(query.Text("after"));
        var found = all
            .Select(state => (State: state, Name: name(state)))
            .Where(entry => reach.Sees(entry.Name.Scope, entry.Name.Value)
                && (id is null || entry.Name.Id == id) && (scope is null || entry.Name.Scope == scope) && (value is null || entry.Name.Value == value))
            .Select(static entry => (entry.State, Key: $"{entry.Name.Id}\n{entry.Name.Value}"))
            .Where(entry => after is null || string.CompareOrdinal(entry.Key, after) > 0)
            .OrderBy(static entry => entry.Key, StringComparer.Ordinal)
            .Take(limit + 1)
            .ToArray();
        var hasMore = found.Length > limit;
        var page = found.Take(limit).ToArray();
        var next = hasMore ? Convert.ToBase64String(Encoding.UTF8.GetBytes(page[^1].Key)) : null;
        await Answers.WriteAsync(context, new ListAnswer<TView>([.. page.Select(entry => view(entry.State))], hasMore, next));
    }

    private static string? Cursor(string? after)
    {
        if (after is null)
        {
            return null;
        }

        var bytes = new byte[after.Length];
        return Convert.TryFromBase64String(after, bytes, out var length)
            ? Encoding.UTF8.GetString(bytes, 0, length)
            : throw ApiException.Invalid("after", "is none of our cursors. Give next of the page before, percent-encoded, or leave it out.");
    }
}
