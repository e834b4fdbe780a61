using Tollgate.Admin.Access;
using Tollgate.Admin.Wire;
using Tollgate.Control;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Keys;

namespace Tollgate.Admin.Resources;

/// <summary>What virtual keys have beside list, read, replace and remove: they are shown whole once, rotated and revoked.</summary>
internal sealed class KeyRoutes(IControlStore store, ResourceRoutes<KeyOptions, KeyBody, KeyView> keys, TimeProvider time)
{
    /// <summary>Adds the routes.</summary>
    public void Map(IEndpointRouteBuilder api)
    {
        api.MapPost("/keys", (Delegate)CreateAsync).WithName("keys.create").WithTags("keys").For(Role.Editor)
            .WithSummary("Makes a virtual key. The answer holds the whole key, this once; it is kept nowhere.")
            .Accepts<KeyBody>("application/json").WithMetadata(new BodyExample(Examples.Key)).Produces<NewKeyView>(StatusCodes.Status201Created);
        api.MapPost("/keys/{id}/rotate", (Delegate)RotateAsync).WithName("keys.rotate").WithTags("keys").For(Role.Editor)
            .WithSummary("Replaces the secret of a key. The answer holds the new key, this once; the old one works on for the overlap.")
            .Accepts<RotateBody>("application/json").WithMetadata(new BodyExample("""{"overlap":"1.00:00:00"}""")).Produces<NewKeyView>();
        api.MapPost("/keys/{id}/revoke", (Delegate)RevokeAsync).WithName("keys.revoke").WithTags("keys").For(Role.Editor)
            .WithSummary("Ends a key at once, the one it replaced too. Takes no body. Undone by replacing it with disabled false.")
            .Produces<KeyView>();
    }

    private async Task CreateAsync(HttpContext context)
    {
        var body = await BodyReader.ReadAsync<KeyBody>(context, newId: AdminTokenFormat.CreateId());
        var caller = Caller.Of(context);
        var reach = await Reach.OfAsync(caller, store, context.RequestAborted);
        var key = VirtualKeyFormat.Create(body.Id);
        var item = RecordCopy.To<KeyOptions>(body) with
        {
            Hash = VirtualKeyFormat.HashText(key),
            Team = body.Team.Length > 0 ? body.Team : reach.OwnTeam,
            Customer = body.Customer.Length > 0 ? body.Customer : reach.OwnCustomer,
        };
        keys.Check(item, reach);
        var stored = await store.CreateAsync(item, caller.Actor, context.RequestAborted);
        await keys.WriteCreatedAsync(context, Whole(stored, key), item.Id);
    }

    private async Task RotateAsync(HttpContext context, string id)
    {
        var body = await BodyReader.ReadAsync<RotateBody>(context);
        var caller = Caller.Of(context);
        var current = await ToChangeAsync(id, context, caller);
        var key = VirtualKeyFormat.Create(id);
        var overlaps = body.Overlap > TimeSpan.Zero;
        var item = current.Value with
        {
            Hash = VirtualKeyFormat.HashText(key),
            PreviousHash = overlaps ? current.Value.Hash : string.Empty,
            PreviousHashExpiresAt = overlaps ? time.GetUtcNow() + body.Overlap : null,
        };
        var stored = await store.ReplaceAsync(item, current.Revision, caller.Actor, context.RequestAborted);
        await ResourceRoutes<KeyOptions, KeyBody, KeyView>.WriteAsync(context, Whole(stored, key));
    }

    private async Task RevokeAsync(HttpContext context, string id)
    {
        var caller = Caller.Of(context);
        var current = await ToChangeAsync(id, context, caller);
        var item = current.Value with { Disabled = true, PreviousHash = string.Empty, PreviousHashExpiresAt = null };
        var stored = await store.ReplaceAsync(item, current.Revision, caller.Actor, context.RequestAborted);
        await ResourceRoutes<KeyOptions, KeyBody, KeyView>.WriteAsync(context, keys.View(stored));
    }

    private async Task<Stored<KeyOptions>> ToChangeAsync(string id, HttpContext context, Caller caller)
    {
        var reach = await Reach.OfAsync(caller, store, context.RequestAborted);
        var current = await keys.FindAsync(id, reach, context.RequestAborted);
        return reach.Changes(current.Value) ? current : throw ApiException.Forbidden("You see this key, but may not change it. Ask an administrator.");
    }

    private NewKeyView Whole(Stored<KeyOptions> stored, string key)
    {
        var view = keys.View<NewKeyView>(stored);
        view.Key = key;
        return view;
    }
}
