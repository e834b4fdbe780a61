using System.Globalization;
using Tollgate.Proxy.Facts;

namespace Tollgate.Control;

/// <summary>An object and where it stands.</summary>
/// <param name="Value">The object, secrets in clear.</param>
/// <param name="Revision">The store's version that last changed it; an ETag. Unique among all changes of all objects.</param>
/// <param name="ChangedAt">When that was.</param>
/// <param name="IsReadOnly">Whether <c>tollgate.json</c> declares it.</param>
public sealed record Stored<T>(T Value, long Revision, DateTimeOffset ChangedAt, bool IsReadOnly);

/// <summary>Who does something.</summary>
/// <param name="Id">The token's, person's or key's id; the file's path; the system user.</param>
/// <param name="Kind">What <paramref name="Id"/> is: one of <see cref="ActorKinds"/>.</param>
/// <param name="Address">Where from: an IP address, or empty.</param>
public sealed record Actor(string Id, string Kind, string Address)
{
    /// <summary>The configuration file, whose objects no page can change.</summary>
    public static Actor Configuration { get; } = new("tollgate.json", ActorKinds.Configuration, string.Empty);
}

/// <summary>The values of <see cref="Actor.Kind"/>.</summary>
public static class ActorKinds
{
    /// <summary>An <see cref="AdminToken"/>.</summary>
    public const string Token = "token";

    /// <summary>A <see cref="Control.Person"/> with a session.</summary>
    public const string Person = "person";

    /// <summary>A virtual key.</summary>
    public const string Key = "key";

    /// <summary><c>tollgate.json</c>.</summary>
    public const string Configuration = "configuration";

    /// <summary>The command line on the gateway's machine.</summary>
    public const string Cli = "cli";
}

/// <summary>Which of a kind's objects are asked for. Filters given together must all hold; null does not filter.</summary>
/// <remarks>Shape: which filters a kind has is in <see cref="ControlKind.Columns"/>. Comparisons are exact, by bytes; <see cref="Text"/> alone ignores case.</remarks>
public sealed record ListQuery
{
    /// <summary>Most objects on a page, 1 to 1000. Default 100.</summary>
    public int Limit { get; init; } = 100;

    /// <summary>The last page's <see cref="Page{T}.Next"/>; null for the first page.</summary>
    public string? After { get; init; }

    /// <summary>The customer of teams, keys, people and admin tokens.</summary>
    public string? Customer { get; init; }

    /// <summary>The team of projects, keys, people and admin tokens.</summary>
    public string? Team { get; init; }

    /// <summary>The project of keys.</summary>
    public string? Project { get; init; }

    /// <summary>The developer of keys and people.</summary>
    public string? Developer { get; init; }

    /// <summary>The e-mail address of keys and people, as it was written.</summary>
    public string? Email { get; init; }

    /// <summary>The subject of people, as their identity provider calls them.</summary>
    public string? Subject { get; init; }

    /// <summary>The upstream of provider keys.</summary>
    public string? Upstream { get; init; }

    /// <summary>The scope of budgets and limits.</summary>
    public ScopeKind? Scope { get; init; }

    /// <summary>The value of budgets and limits.</summary>
    public string? Value { get; init; }

    /// <summary>A text that the id, the name or another of the object's texts contains. No character in it has a meaning of its own.</summary>
    public string? Text { get; init; }
}

/// <summary>Some of a list, and how to go on.</summary>
/// <param name="Items">In the list's order.</param>
/// <param name="Next">What to ask for after; null at the end.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Next);

/// <summary>Which entries of the audit log are asked for. Filters given together must all hold; null does not filter.</summary>
public sealed record AuditQuery
{
    /// <summary>Most entries on a page, 1 to 1000. Default 100.</summary>
    public int Limit { get; init; } = 100;

    /// <summary>The last page's <see cref="Page{T}.Next"/>; null for the newest.</summary>
    public string? After { get; init; }

    /// <summary>The <see cref="Actor.Id"/>.</summary>
    public string? ActorId { get; init; }

    /// <summary>The <see cref="AuditEntry.Kind"/>.</summary>
    public string? Kind { get; init; }

    /// <summary>The <see cref="AuditEntry.ObjectId"/>.</summary>
    public string? ObjectId { get; init; }

    /// <summary>The earliest <see cref="AuditEntry.At"/>.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>Later than any <see cref="AuditEntry.At"/>.</summary>
    public DateTimeOffset? Until { get; init; }
}

/// <summary>Something that was done.</summary>
/// <param name="Id">Grows with time.</param>
/// <param name="At">When.</param>
/// <param name="Actor">By whom.</param>
/// <param name="Kind">A <see cref="ControlKind.Name"/>, or what <see cref="IControlStore.NoteAsync"/> was given.</param>
/// <param name="ObjectId">To which object.</param>
/// <param name="Action">One of <see cref="AuditActions"/>, or what <see cref="IControlStore.NoteAsync"/> was given.</param>
/// <param name="Before">The object before, as JSON; null when there was none. Secrets and hashes read <c>***</c>.</param>
/// <param name="After">The object after, as JSON; null when there is none. Secrets and hashes read <c>***</c>, or <c>*** (changed)</c>.</param>
public sealed record AuditEntry(long Id, DateTimeOffset At, Actor Actor, string Kind, string ObjectId, string Action, string? Before, string? After);

/// <summary>What the store itself writes as <see cref="AuditEntry.Action"/>.</summary>
public static class AuditActions
{
    /// <summary>An object was added.</summary>
    public const string Create = "create";

    /// <summary>An object was changed.</summary>
    public const string Replace = "replace";

    /// <summary>An object was removed.</summary>
    public const string Delete = "delete";
}

/// <summary>An event on its way to a webhook.</summary>
/// <param name="Id">Grows with time.</param>
/// <param name="WebhookId">Where to.</param>
/// <param name="EventId">Names the event; the receiver may be given it twice.</param>
/// <param name="EventJson">What is sent.</param>
/// <param name="CreatedAt">Since when it waits.</param>
/// <param name="NextAttempt">When it is due; null when it was delivered or given up.</param>
/// <param name="Attempts">How often it was tried.</param>
/// <param name="LastError">Why the last attempt failed; null when none did.</param>
/// <param name="DeliveredAt">When it arrived; null while it has not.</param>
public sealed record Delivery(
    long Id, string WebhookId, string EventId, string EventJson, DateTimeOffset CreatedAt, DateTimeOffset? NextAttempt, int Attempts, string? LastError, DateTimeOffset? DeliveredAt);

/// <summary>Somebody logged in.</summary>
/// <param name="IdHash">A hash of what the cookie holds; the cookie itself is nowhere.</param>
/// <param name="PersonId">Who.</param>
/// <param name="Role">What they may do until they log in again.</param>
/// <param name="CreatedAt">When they logged in.</param>
/// <param name="LastSeen">When they were last heard of.</param>
/// <param name="Expires">When the session ends.</param>
/// <param name="Csrf">What a changing request must repeat in its header.</param>
public sealed record Session(string IdHash, string PersonId, Role Role, DateTimeOffset CreatedAt, DateTimeOffset LastSeen, DateTimeOffset Expires, string Csrf)
{
    /// <summary>Who and until when: a record's own text would hold the token.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{nameof(Session)} {{ PersonId = {PersonId}, Role = {Role}, Expires = {Expires:O} }}");
}
