namespace Tollgate.Admin.Access;

/// <summary>What happens at the admin API, as log lines. Never a credential, and nothing that a caller wrote.</summary>
internal static partial class AdminEvents
{
    [LoggerMessage(8501, LogLevel.Warning, "A credential presented to the admin API from {Address} is not valid")]
    public static partial void Refused(ILogger logger, string address);

    [LoggerMessage(8502, LogLevel.Error, "The control store could not be reached for the admin API: {Reason}")]
    public static partial void StoreUnavailable(ILogger logger, string reason);

    [LoggerMessage(8503, LogLevel.Error, "The admin API failed at {Route}")]
    public static partial void Failed(ILogger logger, string route, Exception exception);

    [LoggerMessage(8504, LogLevel.Information, "{Person} signed in from {Address}")]
    public static partial void SignedIn(ILogger logger, string person, string address);

    [LoggerMessage(8505, LogLevel.Warning, "A sign-in from {Address} was refused: {Reason}")]
    public static partial void SignInRefused(ILogger logger, string address, string reason);
}
