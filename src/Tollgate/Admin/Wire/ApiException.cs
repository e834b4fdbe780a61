namespace Tollgate.Admin.Wire;

/// <summary>Ends a request to the admin API with a problem; its texts are shown to who asked.</summary>
/// <param name="status">The answer's status.</param>
/// <param name="kind">The end of the problem's <c>type</c>, such as <c>not-found</c>; see <see cref="ProblemKinds"/>.</param>
/// <param name="title">What kind of problem it is; the same text for every one of its kind.</param>
/// <param name="detail">What happened, the value, the limit, what to change.</param>
/// <param name="errors">Each field that is wrong; empty when it is not about fields.</param>
internal sealed class ApiException(int status, string kind, string title, string detail, IReadOnlyList<FieldError>? errors = null) : Exception(detail)
{
    /// <summary>The answer's status.</summary>
    public int Status { get; } = status;

    /// <summary>The end of the problem's <c>type</c>.</summary>
    public string Kind { get; } = kind;

    /// <summary>What kind of problem it is.</summary>
    public string Title { get; } = title;

    /// <summary>Each field that is wrong.</summary>
    public IReadOnlyList<FieldError> Errors { get; } = errors ?? [];

    /// <summary>There is nothing of that name, or nothing that the caller may see.</summary>
    public static ApiException NotFound(string what, string id) =>
        new(StatusCodes.Status404NotFound, ProblemKinds.NotFound, "Not found", $"There is no {what} {Configuration.ConfigurationPath.Quote(id)} that you may see. List them to find its id.");

    /// <summary>The caller may not do that.</summary>
    public static ApiException Forbidden(string detail) => new(StatusCodes.Status403Forbidden, ProblemKinds.Forbidden, "Not allowed", detail);

    /// <summary>Fields of the body, or parameters of the query, are wrong.</summary>
    public static ApiException Invalid(IReadOnlyList<FieldError> errors) =>
        new(StatusCodes.Status400BadRequest, ProblemKinds.Invalid, "The request is not valid", string.Join(" ", errors.Select(static error => $"{error.Field}: {error.Message}")), errors);

    /// <summary>One field, or one parameter, is wrong.</summary>
    public static ApiException Invalid(string field, string message) => Invalid([new FieldError(field, message)]);
}

/// <summary>What is wrong with one field.</summary>
/// <param name="Field">The field, such as <c>raises[0].until</c>; <c>(body)</c> for the body as a whole; a parameter's name.</param>
/// <param name="Message">What is there, what is allowed, what to change. Never holds a secret.</param>
internal sealed record FieldError(string Field, string Message);

/// <summary>The ends of <c>type</c> in problems: what programs decide on.</summary>
internal static class ProblemKinds
{
    public const string Invalid = "invalid";
    public const string NotFound = "not-found";
    public const string Forbidden = "forbidden";
    public const string Unauthenticated = "unauthenticated";
    public const string TooManyAttempts = "too-many-attempts";
    public const string Conflict = "conflict";
    public const string ReadOnly = "read-only";
    public const string RevisionMismatch = "revision-mismatch";
    public const string RevisionRequired = "revision-required";
    public const string UnsupportedMediaType = "unsupported-media-type";
    public const string TooLarge = "too-large";
    public const string Unavailable = "unavailable";
    public const string CrossSite = "cross-site";
    public const string UnknownHost = "unknown-host";
    public const string MethodNotAllowed = "method-not-allowed";
    public const string Internal = "internal";
}
