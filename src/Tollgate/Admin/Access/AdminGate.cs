using System.Data.Common;
using System.Globalization;
using Tollgate.Admin.Wire;
using Tollgate.Control;

namespace Tollgate.Admin.Access;

/// <summary>What a request to the API passes before its handler: headers, host, who asks, whether they may; and what becomes of it if something throws.</summary>
/// <remarks>Denies by default: a route that does not say who may use it is refused to everybody.</remarks>
internal sealed class AdminGate(Identification identification, CrossSiteGuard guard, FailedAttempts failures, ILogger<AdminGate> logger)
{
    private static readonly string[] Prefixes = ["/api", "/auth", "/openapi", "/v1"];

    /// <summary>Serves one request; what is not the API's goes on untouched.</summary>
    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (!Array.Exists(Prefixes, prefix => context.Request.Path.StartsWithSegments(prefix)))
        {
            await next(context);
            return;
        }

        SecurityHeaders.Set(context);
        try
        {
            await AdmitAsync(context);
            await next(context);
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for the answer.
        }
        catch (Exception exception) when (!context.Response.HasStarted)
        {
            await AnswerAsync(context, ProblemOf(exception, context));
        }
    }

    private async Task AdmitAsync(HttpContext context)
    {
        guard.CheckHost(context);
        var endpoint = context.GetEndpoint();
        if (endpoint is null)
        {
            throw new ApiException(StatusCodes.Status404NotFound, ProblemKinds.NotFound, "Not found", "There is no such route. GET /openapi/v1.json describes all of them.");
        }

        if (endpoint is not RouteEndpoint)
        {
            // Routing's own endpoint for a body of a wrong type, or for a wrong method: it says in Allow which are right.
            await endpoint.RequestDelegate!(context);
            if (context.Response.StatusCode == StatusCodes.Status415UnsupportedMediaType)
            {
                throw BodyReader.NotJson(context.Request);
            }

            throw new ApiException(StatusCodes.Status405MethodNotAllowed, ProblemKinds.MethodNotAllowed, "Method not allowed", $"This route takes {context.Response.Headers.Allow}.");
        }

        var access = endpoint.Metadata.GetMetadata<RouteAccess>() ?? throw ApiException.Forbidden("This route says of nobody that they may use it. That is a mistake in Tollgate; please report it.");
        if (access.IsPublic)
        {
            return;
        }

        var caller = await IdentifyAsync(context);
        if (!access.Allows(caller.Role, caller.IsConfined))
        {
            throw ApiException.Forbidden(Why(access, caller));
        }

        CrossSiteGuard.CheckChange(context, caller);
        context.Features.Set(caller);
    }

    private async Task<Caller> IdentifyAsync(HttpContext context)
    {
        // A right credential never waits for somebody else's wrong ones: behind a reverse proxy all have one address.
        if (await identification.FindAsync(context) is { } caller)
        {
            return caller;
        }

        var address = context.Connection.RemoteIpAddress;
        if (failures.MustWait(address) is var wait && wait > TimeSpan.Zero)
        {
            context.Response.Headers.RetryAfter = Math.Ceiling(wait.TotalSeconds).ToString(CultureInfo.InvariantCulture);
            throw new ApiException(
                StatusCodes.Status429TooManyRequests,
                ProblemKinds.TooManyAttempts,
                "Too many attempts",
                $"More than {FailedAttempts.Burst} wrong credentials came from this address. Wait as long as Retry-After says, then present a right one.");
        }

        if (Identification.Presents(context))
        {
            failures.Add(address);
            AdminEvents.Refused(logger, address?.ToString() ?? "a local socket");
        }

        // The same for none, wrong, expired and disabled: the difference would tell what exists.
        context.Response.Headers.WWWAuthenticate = "Bearer";
        throw new ApiException(
            StatusCodes.Status401Unauthorized,
            ProblemKinds.Unauthenticated,
            "Not authenticated",
            "The request presents no valid credential. Send Authorization: Bearer with an admin token, or with a virtual key for /api/me.");
    }

    private static string Why(RouteAccess access, Caller caller) => caller.Role < access.Least
        ? $"This needs the role {Name(access.Least)}; yours is {Name(caller.Role)}. Ask an administrator."
        : $"This is for those who are confined to no team or customer; you are confined to {(caller.Team.Length > 0 ? $"team \"{caller.Team}\"" : $"customer \"{caller.Customer}\"")}. Ask an administrator.";

    private static string Name(Role role) => Configuration.OptionsShape.EnumText(role);

    private ApiException ProblemOf(Exception exception, HttpContext context)
    {
        switch (exception)
        {
            case ApiException problem:
                return problem;
            case ControlNotFoundException missing:
                return ApiException.NotFound(missing.Kind, missing.Id);
            case ControlReadOnlyException readOnly:
                return new ApiException(StatusCodes.Status409Conflict, ProblemKinds.ReadOnly, "Declared in the file", readOnly.Message);
            case ControlConflictException conflict when HttpMethods.IsPost(context.Request.Method):
                return new ApiException(StatusCodes.Status409Conflict, ProblemKinds.Conflict, "Conflict", conflict.Message);
            case ControlConflictException conflict:
                return new ApiException(StatusCodes.Status412PreconditionFailed, ProblemKinds.RevisionMismatch, "Changed meanwhile", conflict.Message);
            case BadHttpRequestException bad:
                return new ApiException(bad.StatusCode, ProblemKinds.Invalid, "The request is not valid", "The request can't be read as HTTP. Check its headers and its length.");
            case ControlException other:
                return new ApiException(StatusCodes.Status503ServiceUnavailable, ProblemKinds.Unavailable, "Store not available", other.Message);
            case ControlUnavailableException or DbException or IOException or TimeoutException:
                AdminEvents.StoreUnavailable(logger, exception.Message);
                return new ApiException(StatusCodes.Status503ServiceUnavailable, ProblemKinds.Unavailable, "Store not available", "The control store can't be reached, so nothing was read or changed. Try again; the gateway's log says more.");
            default:
                AdminEvents.Failed(logger, (context.GetEndpoint() as RouteEndpoint)?.RoutePattern.RawText ?? "no route", exception);
                return new ApiException(StatusCodes.Status500InternalServerError, ProblemKinds.Internal, "Failed", "Tollgate failed to answer. That is a mistake in Tollgate; the gateway's log says more.");
        }
    }

    private static Task AnswerAsync(HttpContext context, ApiException problem)
    {
        if (problem.Status == StatusCodes.Status413PayloadTooLarge)
        {
            // The rest of the body is not worth reading.
            context.Response.Headers.Connection = "close";
        }

        return Answers.WriteAsync(context, problem);
    }
}
