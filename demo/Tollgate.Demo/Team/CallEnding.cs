namespace Tollgate.Demo.Team;

/// <summary>How an attempt is to end.</summary>
internal enum CallEnding
{
    /// <summary>Well.</summary>
    Completed,

    /// <summary>529: the provider has no capacity.</summary>
    Overloaded,

    /// <summary>429: the provider's rate limit.</summary>
    RateLimited,

    /// <summary>500.</summary>
    ServerError,

    /// <summary>An <c>error</c> event within the stream.</summary>
    ErrorEvent,

    /// <summary>The upstream breaks off within the stream.</summary>
    Truncated,

    /// <summary>The developer stops it.</summary>
    Aborted,

    /// <summary>Tollgate says no, because a budget is spent.</summary>
    Refused,
}
