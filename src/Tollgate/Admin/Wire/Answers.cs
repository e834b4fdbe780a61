using System.Globalization;
using System.Text.Json;

namespace Tollgate.Admin.Wire;

/// <summary>One page of a list.</summary>
/// <param name="Data">In the list's order.</param>
/// <param name="HasMore">Whether there are more.</param>
/// <param name="Next">What to give as <c>after</c> for the next page; null at the end.</param>
internal sealed record ListAnswer<T>(IReadOnlyList<T> Data, bool HasMore, string? Next);

/// <summary>A problem as RFC 9457 shapes it.</summary>
/// <param name="Type"><c>urn:tollgate:problem:</c> and one of <see cref="ProblemKinds"/>.</param>
/// <param name="Title">What kind it is.</param>
/// <param name="Status">The answer's status.</param>
/// <param name="Detail">What happened, the value, the limit, what to change.</param>
/// <param name="Instance">The address asked for, without its query.</param>
/// <param name="Errors">Each field or parameter that is wrong.</param>
internal sealed record ProblemAnswer(string Type, string Title, int Status, string Detail, string Instance, IReadOnlyList<FieldError> Errors);

/// <summary>Writes answers.</summary>
internal static class Answers
{
    /// <summary>Writes JSON.</summary>
    public static Task WriteAsync<T>(HttpContext context, T answer, int status = StatusCodes.Status200OK, JsonSerializerOptions? options = null, string type = "application/json")
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = type;
        return JsonSerializer.SerializeAsync(context.Response.BodyWriter, answer, options ?? ApiJson.Options, context.RequestAborted);
    }

    /// <summary>Writes a problem; under <c>/v1</c> in Anthropic's shape.</summary>
    public static Task WriteAsync(HttpContext context, ApiException problem)
    {
        if (context.Request.Path.StartsWithSegments("/v1"))
        {
            return WriteAsync(context, AnthropicError.Of(problem), problem.Status, ApiJson.Snake);
        }

        var answer = new ProblemAnswer($"urn:tollgate:problem:{problem.Kind}", problem.Title, problem.Status, problem.Message, context.Request.Path, problem.Errors);
        return WriteAsync(context, answer, problem.Status, type: "application/problem+json");
    }

    /// <summary>A revision as an ETag.</summary>
    public static string ETag(long revision) => string.Create(CultureInfo.InvariantCulture, $"\"{revision}\"");

    /// <summary>The revision that a change is to replace, from <c>If-Match</c>; null for <c>*</c>: any.</summary>
    /// <exception cref="ApiException">There is none (428), or it is none of ours (412).</exception>
    public static long? ExpectedRevision(HttpContext context)
    {
        var header = context.Request.Headers.IfMatch;
        if (header.Count == 0)
        {
            throw new ApiException(
                StatusCodes.Status428PreconditionRequired,
                ProblemKinds.RevisionRequired,
                "If-Match is missing",
                "The request says nothing of the revision it changes, so it might undo a change that you have not seen. Send If-Match with the ETag that GET answered, or If-Match: * to change any.");
        }

        var text = header.ToString().Trim();
        if (text == "*")
        {
            return null;
        }

        return text is ['"', .. var digits, '"'] && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var revision)
            ? revision
            : throw new ApiException(
                StatusCodes.Status412PreconditionFailed, ProblemKinds.RevisionMismatch, "Changed meanwhile", $"If-Match is {Configuration.ConfigurationPath.Quote(text)}, which is no ETag of ours. Read the object again, then change it.");
    }
}

/// <summary>An error in Anthropic's shape.</summary>
internal sealed record AnthropicError(string Type, AnthropicErrorBody Error)
{
    /// <summary>Brings a problem to it.</summary>
    public static AnthropicError Of(ApiException problem) => new("error", new AnthropicErrorBody(
        problem.Status switch
        {
            StatusCodes.Status401Unauthorized => "authentication_error",
            StatusCodes.Status403Forbidden => "permission_error",
            StatusCodes.Status404NotFound => "not_found_error",
            StatusCodes.Status413PayloadTooLarge => "request_too_large",
            StatusCodes.Status429TooManyRequests => "rate_limit_error",
            >= 500 => "api_error",
            _ => "invalid_request_error",
        },
        problem.Message));
}

/// <summary>What is the matter.</summary>
internal sealed record AnthropicErrorBody(string Type, string Message);
