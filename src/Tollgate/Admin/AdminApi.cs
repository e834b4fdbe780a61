using Tollgate.Admin.Access;
using Tollgate.Admin.Resources;
using Tollgate.Admin.SpendLimits;
using Tollgate.Admin.Wire;
using Tollgate.Control;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Admin;

/// <summary>The REST API on the admin listener: what it needs, and every route of it.</summary>
/// <param name="options">The admin listener's options.</param>
/// <param name="token">The administrator's token: the configured one, or the one made at start.</param>
/// <param name="upstreams">Names of the upstreams, as configured by then.</param>
/// <param name="store">What is edited.</param>
/// <param name="sessions">Who is signed in.</param>
/// <param name="states">What is spent and used now.</param>
/// <param name="time">The clock.</param>
/// <param name="loggers">Where log lines go.</param>
internal sealed class AdminApi(
    AdminOptions options, string token, Func<IReadOnlyCollection<string>> upstreams, IControlStore store, ISessionStore sessions, IAdmissionStates states, TimeProvider time, ILoggerFactory loggers)
{
    private readonly Sessions _sessions = new(store, sessions, time);

    /// <summary>The administrator's token: the configured one, or a new one when none is configured.</summary>
    public static string TokenOf(AdminOptions options) => options.Token.Length > 0 ? options.Token : AdminTokenFormat.Create("start");

    /// <summary>Adds what routing and the description need.</summary>
    public void AddServices(IServiceCollection services)
    {
        services.AddRouting();
        services.ConfigureHttpJsonOptions(static json => ApiJson.Configure(json.SerializerOptions));
        services.AddOpenApi("v1", ApiDescription.Configure);
        if (options.Oidc is { } oidc)
        {
            new SignIn(oidc, store, _sessions, time, loggers.CreateLogger<SignIn>()).AddServices(services);
        }
    }

    /// <summary>Adds the gate and every route; what is none of the API's goes on to what is added after.</summary>
    public void Map(WebApplication app)
    {
        var identification = new Identification(store, _sessions, token, time);
        var gate = new AdminGate(identification, new CrossSiteGuard(options.Hosts), new FailedAttempts(time), loggers.CreateLogger<AdminGate>());
        app.UseRouting();
        app.Use(next => context => gate.InvokeAsync(context, next));
        if (options.Oidc is not null)
        {
            app.UseAuthentication();
        }

        // Top-level routes would run after the terminal middleware, which is what answers everything that is not the API's.
#pragma warning disable ASP0014
        app.UseEndpoints(MapRoutes);
#pragma warning restore ASP0014
    }

    private void MapRoutes(IEndpointRouteBuilder routes)
    {
        routes.MapOpenApi("/openapi/{documentName}.json").ForEverybody();
        var api = routes.MapGroup("/api");
        Resource<CustomerOptions, CustomerBody, CustomerView>(new("customers", "customer", Role.Viewer, Role.Editor, Unconfined: false, ConfinedWrite: false, Examples.Customer)).Map(api);
        Resource<TeamOptions, TeamBody, TeamView>(new("teams", "team", Role.Viewer, Role.Editor, Unconfined: false, ConfinedWrite: false, Examples.Team)).Map(api);
        Resource<ProjectOptions, ProjectBody, ProjectView>(new("projects", "project", Role.Viewer, Role.Editor, Unconfined: false, ConfinedWrite: true, Examples.Project)).Map(api);
        Resource<LimitOptions, LimitBody, LimitView>(new("limits", "limit", Role.Viewer, Role.Editor, Unconfined: false, ConfinedWrite: true, Examples.Limit)).Map(api);
        Resource<ProviderKey, ProviderKeyBody, ProviderKeyView>(new("provider-keys", "provider key", Role.Administrator, Role.Administrator, Unconfined: true, ConfinedWrite: false, Examples.ProviderKey)).Map(api);
        Resource<Webhook, WebhookBody, WebhookView>(
            new("webhooks", "webhook", Role.Administrator, Role.Administrator, Unconfined: true, ConfinedWrite: false, Examples.Webhook),
            static (webhook, view) => view.Host = Uri.TryCreate(webhook.Url, UriKind.Absolute, out var url) ? url.Host : string.Empty).Map(api);
        Resource<Person, PersonBody, PersonView>(new("people", "person", Role.Administrator, Role.Administrator, Unconfined: true, ConfinedWrite: false, Examples.Person)).Map(api);

        var budgets = Resource<BudgetOptions, BudgetBody, BudgetView>(new("budgets", "budget", Role.Viewer, Role.Editor, Unconfined: false, ConfinedWrite: true, Examples.Budget));
        budgets.Map(api);
        new BudgetRoutes(store, budgets, time).Map(api);

        var keys = Resource<KeyOptions, KeyBody, KeyView>(
            new("keys", "key", Role.Viewer, Role.Editor, Unconfined: false, ConfinedWrite: true, Examples.Key),
            static (key, view) => view.PreviousKeyEndsAt = key.PreviousHash.Length > 0 ? key.PreviousHashExpiresAt : null);
        keys.Map(api, creates: false);
        new KeyRoutes(store, keys, time).Map(api);

        var tokens = Resource<AdminToken, AdminTokenBody, AdminTokenView>(
            new("admin-tokens", "admin token", Role.Administrator, Role.Administrator, Unconfined: true, ConfinedWrite: false, Examples.AdminToken));
        tokens.Map(api, creates: false);
        new AdminTokenRoutes(store, tokens).Map(api);

        new StateRoutes(store, states).Map(api);
        new MeRoutes(store, states, keys).Map(api);
        new AuditRoutes(store).Map(api);
        new SpendLimitRoutes(store, states).Map(routes);
        new SignInRoutes(_sessions, store).Map(routes, options.Oidc is not null);
    }

    private ResourceRoutes<TItem, TBody, TView> Resource<TItem, TBody, TView>(ResourceInfo info, Action<TItem, TView>? finish = null)
        where TItem : class, new()
        where TBody : class, new()
        where TView : class, IStoredView, new() => new(store, upstreams, info, finish);
}
