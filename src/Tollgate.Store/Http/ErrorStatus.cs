using Tollgate.Store.Engine;

namespace Tollgate.Store.Http;

/// <summary>The HTTP status that a server gives for an error number.</summary>
/// <remarks>Source: src/Server/HTTP/exceptionCodeToHTTPStatus.cpp of ClickHouse.</remarks>
internal static class ErrorStatus
{
    /// <summary>Status of <paramref name="code"/>; 500 for all that is not listed.</summary>
    public static int Of(int code) => code switch
    {
        ErrorCodes.RequiredPassword => 401,
        ErrorCodes.UnknownUser or ErrorCodes.WrongPassword or ErrorCodes.AuthenticationFailed or ErrorCodes.AccessDenied => 403,
        ErrorCodes.BadArguments or ErrorCodes.SyntaxError or ErrorCodes.CannotParseText or ErrorCodes.CannotParseEscape or ErrorCodes.CannotParseQuoted
            or ErrorCodes.CannotParseInput or ErrorCodes.TypeMismatch or ErrorCodes.IncorrectData or ErrorCodes.TooDeepAst => 400,
        ErrorCodes.UnknownTable or ErrorCodes.UnknownFunction or ErrorCodes.UnknownIdentifier or ErrorCodes.UnknownDatabase or ErrorCodes.UnknownSetting
            or ErrorCodes.UnknownFormat or ErrorCodes.UnknownRole => 404,
        ErrorCodes.TimeoutExceeded => 408,
        ErrorCodes.LengthRequired => 411,
        ErrorCodes.NotImplemented => 501,
        ErrorCodes.SocketTimeout or ErrorCodes.CannotOpenFile or ErrorCodes.CannotScheduleTask => 503,
        _ => 500,
    };
}
