using System.Globalization;
using System.Text.Json;
using Tollgate.Admin.Access;
using Tollgate.Admin.Wire;
using Tollgate.Control;

namespace Tollgate.Admin.Resources;

/// <summary>Something that was done.</summary>
/// <param name="Id">Grows with time.</param>
/// <param name="At">When.</param>
/// <param name="ActorId">By whom: the token's, person's or key's id.</param>
/// <param name="ActorKind">What <paramref name="ActorId"/> is.</param>
/// <param name="Address">Where from.</param>
/// <param name="Kind">What it was done to, such as <c>budget</c>.</param>
/// <param name="ObjectId">To which one.</param>
/// <param name="Action">What was done, such as <c>replace</c>.</param>
/// <param name="Before">The object before; secrets and hashes read <c>***</c>.</param>
/// <param name="After">The object after.</param>
internal sealed record AuditView(
    string Id, DateTimeOffset At, string ActorId, string ActorKind, string Address, string Kind, string ObjectId, string Action, JsonElement? Before, JsonElement? After)
{
    /// <summary>Brings an entry to it.</summary>
    public static AuditView Of(AuditEntry entry) => new(
        entry.Id.ToString(CultureInfo.InvariantCulture),
        entry.At,
        entry.Actor.Id,
        entry.Actor.Kind,
        entry.Actor.Address,
        entry.Kind,
        entry.ObjectId,
        entry.Action,
        entry.Before is null ? null : JsonElement.Parse(entry.Before),
        entry.After is null ? null : JsonElement.Parse(entry.After));
}

/// <summary>The audit log, newest first.</summary>
internal sealed class AuditRoutes(IControlStore store)
{
    private static readonly string[] Parameters = ["limit", "after", "actor", "kind", "object", "since", "until"];

    // What concerns credentials is for administrators.
    private static readonly string[] Restricted = ["provider-key", "webhook", "admin-token", "person", "session"];

    /// <summary>Adds the route.</summary>
    public void Map(IEndpointRouteBuilder api) =>
        api.MapGet("/audit", (Delegate)ListAsync).WithName("audit.list").WithTags("audit").ForUnconfined(Role.Viewer)
            .WithSummary("Who changed what, newest first. Entries of credentials and people are shown to administrators alone.")
            .WithMetadata(new QueryParameters(Parameters)).Produces<ListAnswer<AuditView>>();

    private async Task ListAsync(HttpContext context)
    {
        var query = new QueryReader(context.Request.Query, Parameters);
        var limit = query.Limit();
        var seesAll = Caller.Of(context).Role == Role.Administrator;
        var audit = new AuditQuery
        {
            Limit = limit,
            After = query.Text("after"),
            ActorId = query.Text("actor"),
            Kind = query.Text("kind"),
            ObjectId = query.Text("object"),
            Since = query.Instant("since"),
            Until = query.Instant("until"),
        };
        Page<AuditEntry> page;
        try
        {
            page = await store.AuditAsync(audit, context.RequestAborted);
        }
        catch (ArgumentException)
        {
            throw ApiException.Invalid("after", "is none of our cursors. Give next of the page before, or leave it out.");
        }

        // A page may come out shorter than asked for; hasMore says whether to go on.
        var shown = page.Items.Where(entry => seesAll || !Restricted.Contains(entry.Kind)).Select(AuditView.Of).ToArray();
        await Answers.WriteAsync(context, new ListAnswer<AuditView>(shown, page.Next is not null, page.Next));
    }
}
