using Tollgate.Admin.Access;
using Tollgate.Admin.Wire;
using Tollgate.Control;

namespace Tollgate.Admin.Resources;

/// <summary>How an admin token is made: it is shown whole once.</summary>
internal sealed class AdminTokenRoutes(IControlStore store, ResourceRoutes<AdminToken, AdminTokenBody, AdminTokenView> tokens)
{
    /// <summary>Adds the route.</summary>
    public void Map(IEndpointRouteBuilder api) =>
        api.MapPost("/admin-tokens", (Delegate)CreateAsync).WithName("admin-tokens.create").WithTags("admin-tokens").ForUnconfined(Role.Administrator)
            .WithSummary("Makes an admin token. The answer holds the whole token, this once; it is kept nowhere.")
            .Accepts<AdminTokenBody>("application/json").WithMetadata(new BodyExample(Examples.AdminToken)).Produces<NewAdminTokenView>(StatusCodes.Status201Created);

    private async Task CreateAsync(HttpContext context)
    {
        var body = await BodyReader.ReadAsync<AdminTokenBody>(context, newId: AdminTokenFormat.CreateId());
        var caller = Caller.Of(context);
        var token = AdminTokenFormat.Create(body.Id);
        var item = RecordCopy.To<AdminToken>(body) with { Hash = AdminTokenFormat.HashText(token) };
        tokens.Check(item, await Reach.OfAsync(caller, store, context.RequestAborted));
        var stored = await store.CreateAsync(item, caller.Actor, context.RequestAborted);
        var view = tokens.View<NewAdminTokenView>(stored);
        view.Token = token;
        await tokens.WriteCreatedAsync(context, view, item.Id);
    }
}
