using Tollgate.Admin.Access;
using Tollgate.Admin.Wire;
using Tollgate.Control;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Admin.Resources;

/// <summary>How a budget is raised for some time.</summary>
internal sealed class BudgetRoutes(IControlStore store, ResourceRoutes<BudgetOptions, BudgetBody, BudgetView> budgets, TimeProvider time)
{
    /// <summary>Adds the route.</summary>
    public void Map(IEndpointRouteBuilder api) =>
        api.MapPost("/budgets/{id}/raises", (Delegate)RaiseAsync).WithName("budgets.raise").WithTags("budgets").For(Role.Editor)
            .WithSummary("Adds to a budget's limit until some time. Raises that have ended are dropped.")
            .Accepts<RaiseBody>("application/json").WithMetadata(new BodyExample("""{"usd":"25.00","until":"2026-12-01T00:00:00Z"}""")).Produces<BudgetView>(StatusCodes.Status201Created);

    private async Task RaiseAsync(HttpContext context, string id)
    {
        var body = await BodyReader.ReadAsync<RaiseBody>(context);
        var caller = Caller.Of(context);
        var reach = await Reach.OfAsync(caller, store, context.RequestAborted);
        var current = await budgets.FindAsync(id, reach, context.RequestAborted);
        if (!reach.Changes(current.Value))
        {
            throw ApiException.Forbidden("You see this budget, but may not raise it: it bounds the team or customer that you are confined to. Ask an administrator.");
        }

        var now = time.GetUtcNow();
        if (body.Until != default && body.Until <= now)
        {
            throw ApiException.Invalid("until", $"is {body.Until:O}, which has passed. Give a time after {now:O}.");
        }

        var raises = current.Value.Raises.Where(raise => raise.Until > now).Append(RecordCopy.To<RaiseOptions>(body)).ToArray();
        const int most = 64;
        if (raises.Length > most)
        {
            throw ApiException.Invalid("(body)", $"would be raise {raises.Length}, but a budget may have at most {most} that have not ended. Change its limit instead.");
        }

        var item = current.Value with { Raises = raises };
        ItemRules.Check(item, []);
        var stored = await store.ReplaceAsync(item, current.Revision, caller.Actor, context.RequestAborted);
        await ResourceRoutes<BudgetOptions, BudgetBody, BudgetView>.WriteAsync(context, budgets.View(stored), StatusCodes.Status201Created);
    }
}
