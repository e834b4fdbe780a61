using System.Security.Cryptography;
using Tollgate.Control;

namespace Tollgate.Admin.Access;

/// <summary>Who is signed in, by a cookie that means nothing but to the store.</summary>
/// <remarks>
/// A session ends <see cref="Longest"/> after the sign-in, and <see cref="Idle"/> after the last request. The cookie holds 256 bits; the store has their hash.
/// </remarks>
internal sealed class Sessions(IControlStore store, ISessionStore sessions, TimeProvider time)
{
    /// <summary>The cookie behind TLS; browsers take a cookie of such a name from this host alone.</summary>
    public const string SecureCookie = "__Host-tollgate";

    /// <summary>The cookie without TLS, on loopback.</summary>
    public const string PlainCookie = "tollgate";

    /// <summary>The header in which a changing request repeats the session's token.</summary>
    public const string CsrfHeader = "x-tollgate-csrf";

    /// <summary>From the sign-in.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromHours(12);

    /// <summary>From the last request.</summary>
    public static readonly TimeSpan Idle = TimeSpan.FromMinutes(30);

    // So that a page that asks every second does not write every second.
    private static readonly TimeSpan TouchInterval = TimeSpan.FromMinutes(1);

    /// <summary>Whose session the cookie is; null when there is none, or when the person may not sign in any more.</summary>
    public async Task<Caller?> FindAsync(HttpRequest request, string address, CancellationToken cancellation)
    {
        if (!request.Cookies.TryGetValue(NameFor(request), out var cookie) || cookie.Length is 0 or > 128)
        {
            return null;
        }

        var now = time.GetUtcNow();
        var session = await sessions.FindSessionAsync(HashOf(cookie), cancellation);
        if (session is null || session.Expires <= now)
        {
            return null;
        }

        // The person is read each time: a changed role, and a person shut out, hold at once.
        var person = (await store.FindAsync<Person>(session.PersonId, cancellation))?.Value;
        if (person is null || person.Disabled)
        {
            return null;
        }

        if (now - session.LastSeen >= TouchInterval)
        {
            await sessions.TouchSessionAsync(session.IdHash, End(session.CreatedAt, now), cancellation);
        }

        return new Caller(person.Id, ActorKinds.Person, person.Role, person.Customer, person.Team, person.Developer, address) { Session = session };
    }

    /// <summary>Begins a session and sets its cookie. Any the browser had before is ended: nobody can have planted it.</summary>
    public async Task BeginAsync(HttpContext context, Person person)
    {
        await EndAsync(context);
        var now = time.GetUtcNow();
        var cookie = NewToken();
        await sessions.DeleteExpiredSessionsAsync(context.RequestAborted);
        await sessions.CreateSessionAsync(new Session(HashOf(cookie), person.Id, person.Role, now, now, End(now, now), NewToken()), context.RequestAborted);
        context.Response.Cookies.Append(NameFor(context.Request), cookie, Options(context.Request));
    }

    /// <summary>Ends the cookie's session, if there is one, in the store too.</summary>
    public async Task EndAsync(HttpContext context)
    {
        if (context.Request.Cookies.TryGetValue(NameFor(context.Request), out var cookie))
        {
            await sessions.DeleteSessionAsync(HashOf(cookie), context.RequestAborted);
            context.Response.Cookies.Delete(NameFor(context.Request), Options(context.Request));
        }
    }

    private static CookieOptions Options(HttpRequest request) => new() { HttpOnly = true, SameSite = SameSiteMode.Strict, Secure = request.IsHttps, Path = "/" };

    private static DateTimeOffset End(DateTimeOffset created, DateTimeOffset now)
    {
        var absolute = created + Longest;
        var idle = now + Idle;
        return idle < absolute ? idle : absolute;
    }

    private static string NameFor(HttpRequest request) => request.IsHttps ? SecureCookie : PlainCookie;

    private static string NewToken() => Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32));

    private static string HashOf(string cookie) => Convert.ToHexStringLower(AdminTokenFormat.Hash(cookie));
}
