using System.Globalization;
using Tollgate.Admin.Access;
using Tollgate.Admin.Resources;
using Tollgate.Admin.Wire;
using Tollgate.Control;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using ConfigurationPath = Tollgate.Configuration.ConfigurationPath;

namespace Tollgate.Admin.SpendLimits;

/// <summary>Caps in the shape of Anthropic's own gateway, over the same budgets.</summary>
/// <remarks>What differs: a group's cap is one pool for its members, not a default for each; all caps that apply hold, not the most specific alone.</remarks>
internal sealed class SpendLimitRoutes(IControlStore store, IAdmissionStates states)
{
    private const string At = "/v1/organizations/spend_limits";
    private static readonly string[] Periods = ["daily", "weekly", "monthly"];
    private static readonly string[] Scopes = ["organization", "user", "rbac_group"];
    private static readonly string[] ListParameters = ["limit", "after_id", "before_id", "scope_type"];
    private static readonly string[] EffectiveParameters = ["limit", "page", "q", "sort", "user_ids[]", "period[]"];
    private static readonly string[] AuditParameters = ["limit", "page"];

    /// <summary>Adds the routes.</summary>
    public void Map(IEndpointRouteBuilder routes)
    {
        Describe(routes.MapPost(At, (Delegate)CreateAsync), "create", Role.Editor, "Sets a cap; one of the same scope and period is replaced.")
            .Accepts<SpendLimitBody>("application/json").WithMetadata(new BodyExample("""{"scope":{"type":"user","user_id":"alice"},"amount":"50000","period":"monthly"}""")).Produces<SpendLimitView>();
        Describe(routes.MapGet(At, (Delegate)ListAsync), "list", Role.Viewer, "Lists caps.").WithMetadata(new QueryParameters(ListParameters)).Produces<SpendLimitList>();
        Describe(routes.MapGet($"{At}/effective", (Delegate)EffectiveAsync), "effective", Role.Viewer, "What bounds each developer, and what they spent.")
            .WithMetadata(new QueryParameters(EffectiveParameters)).Produces<SpendSummaryList>();
        Describe(routes.MapGet($"{At}/audit", (Delegate)AuditAsync), "audit", Role.Viewer, "Who changed which cap, newest first.")
            .WithMetadata(new QueryParameters(AuditParameters)).Produces<SpendLimitAuditList>();
        Describe(routes.MapGet($"{At}/{{id}}", (Delegate)GetAsync), "get", Role.Viewer, "Reads one cap.").Produces<SpendLimitView>();
        Describe(routes.MapDelete($"{At}/{{id}}", (Delegate)DeleteAsync), "delete", Role.Editor, "Removes a cap.").Produces<SpendLimitDeleted>();
    }

    private static RouteHandlerBuilder Describe(RouteHandlerBuilder route, string verb, Role least, string summary) =>
        route.WithName($"spend_limits.{verb}").WithTags("spend_limits").WithSummary(summary).ForUnconfined(least);

    private async Task CreateAsync(HttpContext context)
    {
        var body = await BodyReader.ReadAsync<SpendLimitBody>(context);
        CheckScope(body.Scope);
        var caller = Caller.Of(context);
        var (scope, value) = SpendLimitMapping.ScopeOf(body.Scope);
        var window = SpendLimitMapping.WindowOf(body.Period);
        var current = await SpendLimitsAsync(context.RequestAborted).FirstOrDefaultAsync(
            stored => stored.Value.Scope == scope && stored.Value.Value == value && stored.Value.Window == window && !stored.IsReadOnly, context.RequestAborted);
        var budget = SpendLimitMapping.Budget(body, current?.Value.Id ?? AdminTokenFormat.CreateId(), current?.Value);
        ItemRules.Check(budget, []);
        var stored = current is null
            ? await store.CreateAsync(budget, caller.Actor, context.RequestAborted)
            : await store.ReplaceAsync(budget, current.Revision, caller.Actor, context.RequestAborted);
        await WriteAsync(context, SpendLimitMapping.View(stored));
    }

    private async Task ListAsync(HttpContext context)
    {
        var query = new QueryReader(context.Request.Query, ListParameters);
        var limit = query.Limit(otherwise: 20);
        var (after, before, type) = (query.Text("after_id"), query.Text("before_id"), query.Text("scope_type"));
        if (after is not null && before is not null)
        {
            throw ApiException.Invalid("before_id", "is given with after_id. Give one of them.");
        }

        OneOf("scope_type", type, Scopes);
        var all = await SpendLimitsAsync(context.RequestAborted)
            .Select(SpendLimitMapping.View)
            .Where(view => (type is null || view.Scope.Type == type)
                && (after is null || string.CompareOrdinal(view.Id, after) > 0)
                && (before is null || string.CompareOrdinal(view.Id, before) < 0))
            .ToArrayAsync(context.RequestAborted);
        var page = before is null ? all[..Math.Min(limit, all.Length)] : all[Math.Max(0, all.Length - limit)..];
        await WriteAsync(context, new SpendLimitList(page, all.Length > page.Length, page.FirstOrDefault()?.Id, page.LastOrDefault()?.Id));
    }

    private async Task GetAsync(HttpContext context, string id)
    {
        _ = new QueryReader(context.Request.Query, []);
        await WriteAsync(context, SpendLimitMapping.View(await FindAsync(id, context.RequestAborted)));
    }

    private async Task DeleteAsync(HttpContext context, string id)
    {
        var stored = await FindAsync(id, context.RequestAborted);
        await store.DeleteAsync<BudgetOptions>(stored.Value.Id, stored.Revision, Caller.Of(context).Actor, context.RequestAborted);
        await WriteAsync(context, new SpendLimitDeleted(id, "spend_limit_deleted"));
    }

    private async Task EffectiveAsync(HttpContext context)
    {
        var query = new QueryReader(context.Request.Query, EffectiveParameters);
        var limit = query.Limit(otherwise: 20);
        var (wanted, periods, text, sort) = (query.Texts("user_ids[]"), query.Texts("period[]"), query.Text("q"), query.Text("sort"));
        foreach (var period in periods)
        {
            OneOf("period[]", period, Periods);
        }

        OneOf("sort", sort, ["spend_desc"]);
        var skip = 0;
        if (query.Text("page") is { } page && !int.TryParse(page, NumberStyles.None, CultureInfo.InvariantCulture, out skip))
        {
            throw ApiException.Invalid("page", "is none of our cursors. Give next_page of the page before, or leave it out.");
        }

        var caps = await SpendLimitsAsync(context.RequestAborted).ToArrayAsync(context.RequestAborted);
        var spent = states.Budgets().Where(static state => state.IsUsd).ToLookup(static state => (state.Budget.Id, state.Value));
        var rows = new List<(decimal Spent, SpendSummary Row)>();
        await foreach (var (developer, actor, teams) in DevelopersAsync(context.RequestAborted))
        {
            if ((wanted.Count > 0 && !wanted.Contains(developer)) || (text is not null && !Matches(actor, text)))
            {
                continue;
            }

            foreach (var period in Periods.Where(period => periods.Count == 0 || periods.Contains(period)))
            {
                if (Binding(caps, developer, teams, period) is not { } cap)
                {
                    continue;
                }

                // A pool's spend is not this developer's; without a cap of their own it is not counted for them.
                var own = cap.Value.Scope == ScopeKind.Developer ? spent[(cap.Value.Id, developer)].FirstOrDefault()?.Spent ?? 0 : 0;
                rows.Add((own, new SpendSummary(
                    actor, SpendLimitMapping.AmountOf(cap.Value), "USD", period, SpendLimitMapping.Cents(own),
                    new SpendLimitScope("user") { UserId = developer }, SpendLimitMapping.ScopeOf(cap.Value), SpendLimitMapping.Prefix + cap.Value.Id, teams)));
            }
        }

        var sorted = sort is null ? rows.Select(static row => row.Row) : rows.OrderByDescending(static row => row.Spent).Select(static row => row.Row);
        var found = sorted.Skip(skip).Take(limit).ToArray();
        var hasMore = rows.Count > skip + found.Length;
        await WriteAsync(context, new SpendSummaryList(found, hasMore, hasMore ? (skip + found.Length).ToString(CultureInfo.InvariantCulture) : null));
    }

    private async Task AuditAsync(HttpContext context)
    {
        var query = new QueryReader(context.Request.Query, AuditParameters);
        Page<AuditEntry> page;
        try
        {
            page = await store.AuditAsync(new AuditQuery { Kind = ControlKind.Of<BudgetOptions>().Name, Limit = query.Limit(otherwise: 20), After = query.Text("page") }, context.RequestAborted);
        }
        catch (ArgumentException)
        {
            throw ApiException.Invalid("page", "is none of our cursors. Give next_page of the page before, or leave it out.");
        }

        var rows = page.Items.Select(static entry => new SpendLimitAuditView(
            entry.Id.ToString(CultureInfo.InvariantCulture), "spend_limit_audit", entry.At, entry.Actor.Id, entry.Action, SpendLimitMapping.Prefix + entry.ObjectId));
        await WriteAsync(context, new SpendLimitAuditList([.. rows], page.Next is not null, page.Next));
    }

    private async IAsyncEnumerable<(string Developer, SpendLimitActor Actor, string[] Teams)> DevelopersAsync(
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var byDeveloper = new SortedDictionary<string, List<KeyOptions>>(StringComparer.Ordinal);
        await foreach (var (key, _, _, _) in store.AllAsync<KeyOptions>(new ListQuery(), cancellation))
        {
            if (key.Developer.Length > 0)
            {
                (byDeveloper.TryGetValue(key.Developer, out var keys) ? keys : byDeveloper[key.Developer] = []).Add(key);
            }
        }

        foreach (var (developer, keys) in byDeveloper)
        {
            var email = keys.Select(static key => key.Email).FirstOrDefault(static email => email.Length > 0);
            yield return (developer, new SpendLimitActor("user_actor", developer, developer, email, Deleted: false), [.. keys.Select(static key => key.Team).Where(static team => team.Length > 0).Distinct().Order(StringComparer.Ordinal)]);
        }
    }

    /// <summary>The most specific cap, which is the one to show.</summary>
    private static Stored<BudgetOptions>? Binding(Stored<BudgetOptions>[] caps, string developer, string[] teams, string period)
    {
        var window = SpendLimitMapping.WindowOf(period);
        return caps
            .Where(cap => cap.Value.Window == window)
            .Select(cap => (Cap: cap, Rank: cap.Value.Scope switch
            {
                ScopeKind.Developer when cap.Value.Value == developer => 0,
                ScopeKind.Developer when cap.Value.Value == "*" => 1,
                ScopeKind.Team when teams.Contains(cap.Value.Value) => 2,
                ScopeKind.Team when cap.Value.Value == "*" && teams.Length > 0 => 3,
                ScopeKind.Everything => 4,
                _ => int.MaxValue,
            }))
            .Where(static ranked => ranked.Rank < int.MaxValue)
            .OrderBy(static ranked => ranked.Rank)
            .ThenBy(static ranked => ranked.Cap.Value.LimitUsd)
            .Select(static ranked => ranked.Cap)
            .FirstOrDefault();
    }

    private IAsyncEnumerable<Stored<BudgetOptions>> SpendLimitsAsync(CancellationToken cancellation) =>
        store.AllAsync<BudgetOptions>(new ListQuery(), cancellation).Where(static stored => SpendLimitMapping.IsSpendLimit(stored.Value));

    private async Task<Stored<BudgetOptions>> FindAsync(string id, CancellationToken cancellation)
    {
        var stored = id.StartsWith(SpendLimitMapping.Prefix, StringComparison.Ordinal) ? await store.FindAsync<BudgetOptions>(id[SpendLimitMapping.Prefix.Length..], cancellation) : null;
        return stored is not null && SpendLimitMapping.IsSpendLimit(stored.Value) ? stored : throw ApiException.NotFound("spend limit", id);
    }

    private static bool Matches(SpendLimitActor actor, string text) =>
        actor.UserId.Contains(text, StringComparison.OrdinalIgnoreCase) || (actor.EmailAddress?.Contains(text, StringComparison.OrdinalIgnoreCase) ?? false);

    private static void CheckScope(SpendLimitScopeBody scope)
    {
        var (needs, other) = scope.Type switch
        {
            "user" => (("scope.user_id", scope.UserId), ("scope.rbac_group_id", scope.RbacGroupId)),
            "rbac_group" => (("scope.rbac_group_id", scope.RbacGroupId), ("scope.user_id", scope.UserId)),
            _ => ((string.Empty, "-"), ("scope.user_id", scope.UserId + scope.RbacGroupId)),
        };
        if (needs.Item2.Length == 0)
        {
            throw ApiException.Invalid(needs.Item1, $"is required by the scope \"{scope.Type}\". Add it.");
        }

        if (other.Item2.Length > 0)
        {
            throw ApiException.Invalid(other.Item1, $"is not for the scope \"{scope.Type}\". Remove it.");
        }
    }

    private static void OneOf(string parameter, string? value, string[] allowed)
    {
        if (value is not null && !allowed.Contains(value))
        {
            throw ApiException.Invalid(parameter, $"is {ConfigurationPath.Quote(value)}, but must be one of {string.Join(", ", allowed)}.");
        }
    }

    private static Task WriteAsync<T>(HttpContext context, T answer) => Answers.WriteAsync(context, answer, options: ApiJson.Snake);
}
