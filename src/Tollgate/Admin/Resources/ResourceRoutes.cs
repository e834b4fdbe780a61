using System.Globalization;
using System.Text.Json;
using Tollgate.Admin.Access;
using Tollgate.Admin.Wire;
using Tollgate.Control;

namespace Tollgate.Admin.Resources;

/// <summary>How a kind of object is served.</summary>
/// <param name="Path">The last part of its address, such as <c>provider-keys</c>.</param>
/// <param name="One">What one is called, such as <c>provider key</c>.</param>
/// <param name="Reads">The least role that may read.</param>
/// <param name="Writes">The least role that may change.</param>
/// <param name="Unconfined">Whether only those may who are confined to no team or customer.</param>
/// <param name="ConfinedWrite">Whether those may change it too who are confined to a team or customer; what exactly is up to <see cref="Reach"/>.</param>
/// <param name="Example">A body as an example.</param>
internal sealed record ResourceInfo(string Path, string One, Role Reads, Role Writes, bool Unconfined, bool ConfinedWrite, string Example);

/// <summary>List, create, read, replace and remove for one kind of object.</summary>
/// <param name="store">Where they are kept.</param>
/// <param name="upstreams">Names of the upstreams, as configured by then.</param>
/// <param name="info">How they are served.</param>
/// <param name="finish">Fills what the view has under another name; null for none.</param>
internal sealed class ResourceRoutes<TItem, TBody, TView>(IControlStore store, Func<IReadOnlyCollection<string>> upstreams, ResourceInfo info, Action<TItem, TView>? finish = null)
    where TItem : class, new()
    where TBody : class, new()
    where TView : class, IStoredView, new()
{
    private static readonly ControlKind<TItem> Kind = ControlKind.Of<TItem>();
    private static readonly string[] Filters = [.. Kind.Columns.Select(JsonNamingPolicy.CamelCase.ConvertName), "text"];
    private static readonly string[] ListParameters = ["limit", "after", .. Filters];

    /// <summary>Adds the routes; without the one that creates when <paramref name="creates"/> is false, for kinds that have their own.</summary>
    public void Map(IEndpointRouteBuilder api, bool creates = true)
    {
        var at = $"/{info.Path}";
        var one = $"{at}/{{id}}";
        Describe(api.MapGet(at, (Delegate)ListAsync), "list", $"Lists every {info.One} that you may see, in order of ids.", info.Reads, info.Unconfined)
            .WithMetadata(new QueryParameters(ListParameters)).Produces<ListAnswer<TView>>();
        Describe(api.MapGet(one, (Delegate)GetAsync), "get", $"Reads one {info.One}; its ETag is what a change must name.", info.Reads, info.Unconfined)
            .Produces<TView>();
        if (creates)
        {
            Describe(api.MapPost(at, (Delegate)CreateAsync), "create", $"Adds a {info.One}.", info.Writes, info.Unconfined || !info.ConfinedWrite)
                .Accepts<TBody>("application/json").WithMetadata(new BodyExample(info.Example)).Produces<TView>(StatusCodes.Status201Created);
        }

        Describe(api.MapPut(one, (Delegate)ReplaceAsync), "replace", $"Replaces a {info.One}; fields left out take their defaults. Needs If-Match.", info.Writes, info.Unconfined || !info.ConfinedWrite)
            .Accepts<TBody>("application/json").WithMetadata(new BodyExample(info.Example)).WithMetadata(NeedsIfMatch.Instance).Produces<TView>();
        Describe(api.MapDelete(one, (Delegate)DeleteAsync), "delete", $"Removes a {info.One}. Needs If-Match.", info.Writes, info.Unconfined || !info.ConfinedWrite)
            .WithMetadata(NeedsIfMatch.Instance).Produces(StatusCodes.Status204NoContent);
    }

    /// <summary>An object as it is answered.</summary>
    public TView View(Stored<TItem> stored) => View<TView>(stored);

    /// <summary>An object as it is answered when more is shown.</summary>
    public T View<T>(Stored<TItem> stored)
        where T : class, TView, new()
    {
        var view = RecordCopy.To<T>(stored.Value);
        view.Revision = stored.Revision;
        view.ChangedAt = stored.ChangedAt;
        view.IsReadOnly = stored.IsReadOnly;
        finish?.Invoke(stored.Value, view);
        return view;
    }

    /// <summary>An object that the caller sees.</summary>
    /// <exception cref="ApiException">There is none that they see (404).</exception>
    public async Task<Stored<TItem>> FindAsync(string id, Reach reach, CancellationToken cancellation)
    {
        var stored = await store.FindAsync<TItem>(id, cancellation);
        return stored is not null && reach.Sees(stored.Value) ? stored : throw ApiException.NotFound(info.One, id);
    }

    /// <summary>Refuses what the caller may not add, change or remove, and what breaks a rule.</summary>
    public void Check(TItem item, Reach reach)
    {
        if (!reach.Changes(item))
        {
            throw ApiException.Forbidden($"You may not add or change this {info.One}: what it is for is not below the team or customer that you are confined to. Ask an administrator.");
        }

        ItemRules.Check(item, upstreams());
    }

    /// <summary>Answers with an object.</summary>
    public static Task WriteAsync<T>(HttpContext context, T view, int status = StatusCodes.Status200OK)
        where T : IStoredView
    {
        context.Response.Headers.ETag = Answers.ETag(view.Revision);
        return Answers.WriteAsync(context, view, status);
    }

    /// <summary>Answers with a new object and its address.</summary>
    public Task WriteCreatedAsync<T>(HttpContext context, T view, string id)
        where T : IStoredView
    {
        context.Response.Headers.Location = $"/api/{info.Path}/{Uri.EscapeDataString(id)}";
        return WriteAsync(context, view, StatusCodes.Status201Created);
    }

    private async Task ListAsync(HttpContext context)
    {
        var query = new QueryReader(context.Request.Query, ListParameters);
        var limit = query.Limit();
        var reach = await Reach.OfAsync(Caller.Of(context), store, context.RequestAborted);
        var found = new List<TView>();
        string? last = null;
        string? next = null;
        var listed = new ListQuery
        {
            After = query.Text("after"),
            Customer = query.Text("customer"),
            Team = query.Text("team"),
            Project = query.Text("project"),
            Developer = query.Text("developer"),
            Email = query.Text("email"),
            Subject = query.Text("subject"),
            Upstream = query.Text("upstream"),
            Scope = query.Named<Proxy.Facts.ScopeKind>("scope"),
            Value = query.Text("value"),
            Text = query.Text("text"),
        };
        await foreach (var stored in store.AllAsync<TItem>(listed, context.RequestAborted))
        {
            if (!reach.Sees(stored.Value))
            {
                continue;
            }

            if (found.Count == limit)
            {
                next = last;
                break;
            }

            found.Add(View(stored));
            last = Kind.IdOf(stored.Value);
        }

        await Answers.WriteAsync(context, new ListAnswer<TView>(found, next is not null, next));
    }

    private async Task GetAsync(HttpContext context, string id)
    {
        _ = new QueryReader(context.Request.Query, []);
        var reach = await Reach.OfAsync(Caller.Of(context), store, context.RequestAborted);
        await WriteAsync(context, View(await FindAsync(id, reach, context.RequestAborted)));
    }

    private async Task CreateAsync(HttpContext context)
    {
        var body = await BodyReader.ReadAsync<TBody>(context);
        var caller = Caller.Of(context);
        var item = RecordCopy.To<TItem>(body);
        Check(item, await Reach.OfAsync(caller, store, context.RequestAborted));
        var stored = await store.CreateAsync(item, caller.Actor, context.RequestAborted);
        await WriteCreatedAsync(context, View(stored), Kind.IdOf(item));
    }

    private async Task ReplaceAsync(HttpContext context, string id)
    {
        var expected = Answers.ExpectedRevision(context);
        var body = await BodyReader.ReadAsync<TBody>(context, id);
        var caller = Caller.Of(context);
        var reach = await Reach.OfAsync(caller, store, context.RequestAborted);
        var current = await FindAsync(id, reach, context.RequestAborted);
        var item = WithKeptSecret(RecordCopy.Over(body, current.Value), current.Value);
        if (!reach.Changes(current.Value))
        {
            throw ApiException.Forbidden($"You see this {info.One}, but may not change it: it bounds the team or customer that you are confined to. Ask an administrator.");
        }

        Check(item, reach);

        // Any revision is still the one whose hidden fields were carried over.
        var stored = await store.ReplaceAsync(item, expected ?? current.Revision, caller.Actor, context.RequestAborted);
        await WriteAsync(context, View(stored));
    }

    private async Task DeleteAsync(HttpContext context, string id)
    {
        var expected = Answers.ExpectedRevision(context);
        var caller = Caller.Of(context);
        var reach = await Reach.OfAsync(caller, store, context.RequestAborted);
        var current = await FindAsync(id, reach, context.RequestAborted);
        if (!reach.Changes(current.Value))
        {
            throw ApiException.Forbidden($"You see this {info.One}, but may not remove it: it bounds the team or customer that you are confined to. Ask an administrator.");
        }

        await store.DeleteAsync<TItem>(id, expected, caller.Actor, context.RequestAborted);
        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }

    /// <summary>A secret left out of a change stays.</summary>
    private static TItem WithKeptSecret(TItem item, TItem current) => (item, current) switch
    {
        (ProviderKey { Secret.Length: 0 } key, ProviderKey old) => (TItem)(object)(key with { Secret = old.Secret }),
        (Webhook webhook, Webhook old) => (TItem)(object)(webhook with
        {
            Secret = webhook.Secret.Length > 0 ? webhook.Secret : old.Secret,
            Url = webhook.Url.Length > 0 ? webhook.Url : old.Url,
        }),
        _ => item,
    };

    private RouteHandlerBuilder Describe(RouteHandlerBuilder route, string verb, string summary, Role least, bool unconfined)
    {
        route.WithName(string.Create(CultureInfo.InvariantCulture, $"{info.Path}.{verb}")).WithTags(info.Path).WithSummary(summary);
        return unconfined ? route.ForUnconfined(least) : route.For(least);
    }
}
