using Tollgate.Control;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Admin.Access;

/// <summary>Who asks the admin API.</summary>
/// <param name="Id">The token's, person's or key's id.</param>
/// <param name="Kind">What <paramref name="Id"/> is: one of <see cref="ActorKinds"/>.</param>
/// <param name="Role">What they may do.</param>
/// <param name="Customer">They see and change this customer's alone; empty for every customer's.</param>
/// <param name="Team">They see and change this team's alone; empty for every team's.</param>
/// <param name="Developer">Which developer they are in keys; empty for none.</param>
/// <param name="Address">Where from.</param>
internal sealed record Caller(string Id, string Kind, Role Role, string Customer, string Team, string Developer, string Address)
{
    /// <summary>The key that was presented; null when they present something else.</summary>
    public KeyOptions? Key { get; init; }

    /// <summary>The session of their cookie; null when they present something else.</summary>
    public Session? Session { get; init; }

    /// <summary>Whether they see less than everything.</summary>
    public bool IsConfined => Customer.Length > 0 || Team.Length > 0;

    /// <summary>As the audit log names them.</summary>
    public Actor Actor => new(Id, Kind, Address);

    /// <summary>Who asks in this request, which has passed the gate.</summary>
    public static Caller Of(HttpContext context) => context.Features.Get<Caller>() ?? throw new InvalidOperationException("The request did not pass the gate.");

    /// <summary>The record's own text would hold the key's hash.</summary>
    public override string ToString() => $"{Kind} {Id} ({Role})";
}
