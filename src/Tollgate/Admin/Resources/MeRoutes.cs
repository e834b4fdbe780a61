using Tollgate.Admin.Access;
using Tollgate.Admin.Wire;
using Tollgate.Control;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Admin.Resources;

/// <summary>Who asks.</summary>
/// <param name="Id">The token's, person's or key's id.</param>
/// <param name="Kind"><c>token</c>, <c>person</c> or <c>key</c>.</param>
/// <param name="Role">What they may do.</param>
/// <param name="Customer">Confined to this customer; empty for none.</param>
/// <param name="Team">Confined to this team; empty for none. Of a key: its team.</param>
/// <param name="Developer">Which developer they are.</param>
/// <param name="Csrf">What a page repeats in <c>x-tollgate-csrf</c>; null without a session.</param>
internal sealed record CallerView(string Id, string Kind, Role Role, string Customer, string Team, string Developer, string? Csrf);

/// <summary>What somebody finds of themselves.</summary>
/// <param name="Caller">Who asks.</param>
/// <param name="Keys">The key presented, or the person's keys.</param>
/// <param name="Budgets">Every budget that bounds them, with what is spent, held and left of it.</param>
/// <param name="Limits">Every rate limit that bounds them.</param>
internal sealed record MeAnswer(CallerView Caller, IReadOnlyList<KeyView> Keys, IReadOnlyList<BudgetStateView> Budgets, IReadOnlyList<LimitStateView> Limits);

/// <summary>What a developer may see: their own key, and what bounds it.</summary>
internal sealed class MeRoutes(IControlStore store, IAdmissionStates states, ResourceRoutes<KeyOptions, KeyBody, KeyView> keys)
{
    /// <summary>Adds the route.</summary>
    public void Map(IEndpointRouteBuilder api) =>
        api.MapGet("/me", (Delegate)GetAsync).WithName("me").WithTags("me").For(Role.Developer)
            .WithSummary("Who you are, your keys, and the budgets and limits that bound them. The one route that takes a virtual key, as bearer or in x-tollgate-key.")
            .Produces<MeAnswer>();

    private async Task GetAsync(HttpContext context)
    {
        _ = new QueryReader(context.Request.Query, []);
        var caller = Caller.Of(context);
        var own = await KeysOfAsync(caller, context.RequestAborted);
        var values = new HashSet<(ScopeKind, string)>();
        foreach (var stored in own)
        {
            await AddAsync(stored.Value, values, context.RequestAborted);
        }

        var view = new CallerView(caller.Id, caller.Kind, caller.Role, caller.Customer, caller.Team, caller.Developer, caller.Session?.Csrf);
        var (budgets, limits) = own.Count == 0 ? ([], []) : (await BudgetsAsync(values, context.RequestAborted), await LimitsAsync(values, context.RequestAborted));
        await Answers.WriteAsync(context, new MeAnswer(view, [.. own.Select(keys.View)], budgets, limits));
    }

    private async Task<List<Stored<KeyOptions>>> KeysOfAsync(Caller caller, CancellationToken cancellation)
    {
        var own = new List<Stored<KeyOptions>>();
        if (caller.Key is not null)
        {
            own.Add(await store.FindAsync<KeyOptions>(caller.Id, cancellation) ?? throw ApiException.NotFound("key", caller.Id));
        }
        else if (caller.Developer.Length > 0)
        {
            await foreach (var key in store.AllAsync<KeyOptions>(new ListQuery { Developer = caller.Developer }, cancellation))
            {
                own.Add(key);
            }
        }

        return own;
    }

    private async Task AddAsync(KeyOptions key, HashSet<(ScopeKind, string)> values, CancellationToken cancellation)
    {
        var customer = key.Customer;
        if (customer.Length == 0 && key.Team.Length > 0)
        {
            customer = (await store.FindAsync<TeamOptions>(key.Team, cancellation))?.Value.Customer ?? string.Empty;
        }

        values.Add((ScopeKind.Everything, string.Empty));
        values.Add((ScopeKind.Key, key.Id));
        (ScopeKind, string)[] others = [(ScopeKind.Customer, customer), (ScopeKind.Team, key.Team), (ScopeKind.Project, key.Project), (ScopeKind.Developer, key.Developer)];
        values.UnionWith(others.Where(static pair => pair.Item2.Length > 0));
    }

    private async Task<IReadOnlyList<BudgetStateView>> BudgetsAsync(HashSet<(ScopeKind Scope, string Value)> values, CancellationToken cancellation)
    {
        var counted = states.Budgets().Where(state => values.Contains((state.Budget.Scope, state.Value))).ToDictionary(static state => (state.Budget.Id, state.Value));
        var found = new List<BudgetStateView>();
        await foreach (var (budget, _, _, _) in store.AllAsync<BudgetOptions>(new ListQuery(), cancellation))
        {
            foreach (var (_, value) in values.Where(pair => pair.Scope == budget.Scope && (budget.Value == "*" || budget.Value == pair.Value)))
            {
                found.Add(BudgetStateView.Of(counted.GetValueOrDefault((budget.Id, value)) ?? BudgetStateView.Untouched(budget, value)));
            }
        }

        return found;
    }

    private async Task<IReadOnlyList<LimitStateView>> LimitsAsync(HashSet<(ScopeKind Scope, string Value)> values, CancellationToken cancellation)
    {
        var counted = states.Limits().Where(state => values.Contains((state.Limit.Scope, state.Value))).ToDictionary(static state => (state.Limit.Id, state.Value));
        var found = new List<LimitStateView>();
        await foreach (var (limit, _, _, _) in store.AllAsync<LimitOptions>(new ListQuery(), cancellation))
        {
            foreach (var (_, value) in values.Where(pair => pair.Scope == limit.Scope && (limit.Value == "*" || limit.Value == pair.Value)))
            {
                found.Add(LimitStateView.Of(counted.GetValueOrDefault((limit.Id, value)) ?? new LimitState(limit, value, 0)));
            }
        }

        return found;
    }
}
