using System.Security.Claims;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Tollgate.Admin.Resources;
using Tollgate.Admin.Wire;
using Tollgate.Control;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Admin.Access;

/// <summary>Signs people in with an OpenID Connect provider: authorization code with PKCE, then a session of our own.</summary>
/// <remarks>
/// ASP.NET's handler does the protocol and proves the identity token. Its own cookies hold the state of a sign-in under way alone, sealed with keys that live
/// as long as the process: a sign-in that a restart cuts is begun again. No token of the provider is kept.
/// </remarks>
internal sealed partial class SignIn(OidcOptions oidc, IControlStore store, Sessions sessions, TimeProvider time, ILogger<SignIn> logger)
{
    /// <summary>Where the provider sends people back to.</summary>
    public const string CallbackPath = "/auth/callback";

    // Never signed in to: the handler wants one to be named.
    private const string UnusedScheme = "unused";

    // A cookie that is Strict is not sent on a way that begins at the provider, so the way is ended here and a new one begun.
    private const string SignedInPage = """<!doctype html><title>Signed in</title><meta http-equiv="refresh" content="0; url=/"><a href="/">Go on</a>""";

    private static readonly Actor Actor = new("oidc", ActorKinds.Configuration, string.Empty);

    /// <summary>Adds the handler.</summary>
    public void AddServices(IServiceCollection services)
    {
        services.AddDataProtection().UseEphemeralDataProtectionProvider();
        services.AddAuthentication().AddCookie(UnusedScheme).AddOpenIdConnect(options =>
        {
            options.SignInScheme = UnusedScheme;
            options.Authority = oidc.Authority;
            options.ClientId = oidc.ClientId;
            options.ClientSecret = oidc.ClientSecret;
            options.CallbackPath = CallbackPath;
            options.ResponseType = OpenIdConnectResponseType.Code;
            options.ResponseMode = OpenIdConnectResponseMode.Query;
            options.RequireHttpsMetadata = oidc.Authority.StartsWith("https://", StringComparison.OrdinalIgnoreCase);
            options.MapInboundClaims = false;
            options.SaveTokens = false;
            options.DisableTelemetry = true;
            options.TimeProvider = time;
            options.Scope.Add("email");
            foreach (var cookie in new[] { options.CorrelationCookie, options.NonceCookie })
            {
                // The way back comes from another site, so Strict would not be sent.
                cookie.SameSite = SameSiteMode.Lax;
                cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
                cookie.HttpOnly = true;
            }

            options.Events = new OpenIdConnectEvents { OnTicketReceived = EndAsync, OnRemoteFailure = FailAsync };
        });
    }

    private async Task EndAsync(TicketReceivedContext context)
    {
        context.HandleResponse();
        var http = context.HttpContext;
        var person = await PersonOfAsync(context.Principal!, http.RequestAborted);
        if (person is null)
        {
            await RefuseAsync(http, "nobody has added this person, and no claim of theirs has a role in admin.oidc.roles");
            return;
        }

        if (person.Disabled)
        {
            await RefuseAsync(http, "the person is disabled");
            return;
        }

        await sessions.BeginAsync(http, person);
        var address = http.Connection.RemoteIpAddress?.ToString() ?? string.Empty;
        await store.NoteAsync(new Actor(person.Id, ActorKinds.Person, address), "session", string.Empty, "login", http.RequestAborted);
        AdminEvents.SignedIn(logger, person.Id, address);
        http.Response.ContentType = "text/html; charset=utf-8";
        await http.Response.WriteAsync(SignedInPage, http.RequestAborted);
    }

    private async Task FailAsync(RemoteFailureContext context)
    {
        context.HandleResponse();
        await RefuseAsync(context.HttpContext, $"the provider's answer was not valid ({context.Failure?.GetType().Name})");
    }

    private Task RefuseAsync(HttpContext context, string reason)
    {
        AdminEvents.SignInRefused(logger, context.Connection.RemoteIpAddress?.ToString() ?? "a local socket", reason);
        throw new ApiException(StatusCodes.Status403Forbidden, ProblemKinds.Forbidden, "Not signed in", "The sign-in was refused. Begin again at /auth/login; if it stays so, ask an administrator, whose log says why.");
    }

    /// <summary>The person whom the provider vouches for; null when nobody has let them in.</summary>
    private async Task<Person?> PersonOfAsync(ClaimsPrincipal principal, CancellationToken cancellation)
    {
        // The handler drops the issuer's own claim; each claim says who made it.
        var claimed = principal.FindFirst("sub");
        var (issuer, subject) = (claimed?.Issuer ?? string.Empty, claimed?.Value ?? string.Empty);
        if (issuer.Length == 0 || subject.Length == 0)
        {
            return null;
        }

        // Once roles are given by claims, they alone decide: somebody who leaves a group loses what it gave.
        var claims = principal.FindAll(oidc.RoleClaim).Select(static claim => claim.Value).ToHashSet(StringComparer.Ordinal);
        var given = oidc.Roles.FirstOrDefault(role => claims.Contains(role.Value));
        if (given is null && oidc.Roles.Count > 0)
        {
            return null;
        }

        // An address that the provider did not verify could be anybody's.
        var email = principal.FindFirstValue("email_verified") is "true" or "True" ? principal.FindFirstValue("email") ?? string.Empty : string.Empty;
        var known = await FindAsync(issuer, subject, email, cancellation);
        if (known is null && given is null)
        {
            return null;
        }

        var person = (known?.Value ?? new Person { Id = await NewIdAsync(email, cancellation), Name = principal.FindFirstValue("name") ?? string.Empty, Email = email }) with { Issuer = issuer, Subject = subject };
        if (given is not null)
        {
            person = person with { Role = Enum.Parse<Role>(given.Role, ignoreCase: true), Team = given.Team, Customer = given.Customer };
        }

        return known switch
        {
            null => (await store.CreateAsync(person, Actor, cancellation)).Value,
            _ when known.Value == person => person,
            _ => (await store.ReplaceAsync(person, known.Revision, Actor, cancellation)).Value,
        };
    }

    private async Task<Stored<Person>?> FindAsync(string issuer, string subject, string email, CancellationToken cancellation)
    {
        Stored<Person>? byEmail = null;
        await foreach (var stored in store.AllAsync<Person>(new ListQuery(), cancellation))
        {
            if (stored.Value.Issuer == issuer && stored.Value.Subject == subject)
            {
                return stored;
            }

            if (email.Length > 0 && stored.Value.Subject.Length == 0 && stored.Value.Email.Equals(email, StringComparison.OrdinalIgnoreCase))
            {
                byEmail = stored;
            }
        }

        return byEmail;
    }

    private async Task<string> NewIdAsync(string email, CancellationToken cancellation) =>
        PersonId().IsMatch(email) && await store.FindAsync<Person>(email, cancellation) is null ? email : AdminTokenFormat.CreateId();

    [GeneratedRegex(@"^[A-Za-z0-9][A-Za-z0-9_.@+-]{0,127}\z")]
    private static partial Regex PersonId();
}
