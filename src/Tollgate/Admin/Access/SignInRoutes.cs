using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Tollgate.Admin.Wire;
using Tollgate.Control;

namespace Tollgate.Admin.Access;

/// <summary>Where people sign in and out.</summary>
internal sealed class SignInRoutes(Sessions sessions, IControlStore store)
{
    /// <summary>Adds the routes; signing in only when a provider is configured.</summary>
    public void Map(IEndpointRouteBuilder routes, bool hasProvider)
    {
        routes.MapPost("/auth/logout", (Delegate)LogoutAsync).WithName("auth.logout").WithTags("auth").For(Role.Developer)
            .WithSummary("Ends the session, here and in the store.").Produces(StatusCodes.Status204NoContent);
        if (hasProvider)
        {
            routes.MapGet("/auth/login", (Delegate)LoginAsync).WithName("auth.login").WithTags("auth").ForEverybody()
                .WithSummary("Sends a person to the identity provider.").Produces(StatusCodes.Status302Found);

            // The handler answers before routing's endpoint runs; this one is what the gate finds.
            routes.MapGet(SignIn.CallbackPath, static Task () => throw new ApiException(StatusCodes.Status404NotFound, ProblemKinds.NotFound, "Not found", "No sign-in is under way. Begin at /auth/login."))
                .WithName("auth.callback").WithTags("auth").ForEverybody().ExcludeFromDescription();
        }
    }

    private static Task LoginAsync(HttpContext context) => context.ChallengeAsync(OpenIdConnectDefaults.AuthenticationScheme, new AuthenticationProperties { RedirectUri = "/" });

    private async Task LogoutAsync(HttpContext context)
    {
        var caller = Caller.Of(context);
        if (caller.Session is not null)
        {
            await sessions.EndAsync(context);
            await store.NoteAsync(caller.Actor, "session", string.Empty, "logout", context.RequestAborted);
        }

        context.Response.StatusCode = StatusCodes.Status204NoContent;
    }
}
