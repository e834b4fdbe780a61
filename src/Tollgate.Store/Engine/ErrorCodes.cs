namespace Tollgate.Store.Engine;

/// <summary>ClickHouse's error numbers that the store gives or reads. Source: src/Common/ErrorCodes.cpp of ClickHouse.</summary>
internal static class ErrorCodes
{
    public const int Unknown = 1002;
    public const int CannotParseText = 6;
    public const int CannotParseEscape = 25;
    public const int CannotParseQuoted = 26;
    public const int CannotParseInput = 27;
    public const int CannotReadAllData = 33;
    public const int BadArguments = 36;
    public const int UnknownFunction = 46;
    public const int UnknownIdentifier = 47;
    public const int NotImplemented = 48;
    public const int TypeMismatch = 53;
    public const int UnknownTable = 60;
    public const int SyntaxError = 62;
    public const int UnknownFormat = 73;
    public const int CannotOpenFile = 76;
    public const int UnknownDatabase = 81;
    public const int UnknownSetting = 115;
    public const int IncorrectData = 117;
    public const int TimeoutExceeded = 159;
    public const int Readonly = 164;
    public const int TooDeepAst = 167;
    public const int UnknownUser = 192;
    public const int WrongPassword = 193;
    public const int RequiredPassword = 194;
    public const int TooManyQueries = 202;
    public const int SocketTimeout = 209;
    public const int QueryIdInUse = 216;
    public const int MemoryLimit = 241;
    public const int LengthRequired = 381;
    public const int QueryCancelled = 394;
    public const int CannotScheduleTask = 439;
    public const int AccessDenied = 497;
    public const int UnknownRole = 511;
    public const int AuthenticationFailed = 516;
}
