using System.Globalization;

namespace Tollgate.Store.Engine;

/// <summary>An answer of ClickHouse's that is an error: its number and its text.</summary>
internal sealed class EngineException : Exception
{
    private const string NumberPrefix = "Code: ";

    private EngineException(int code, string message)
        : base(message) => Code = code;

    /// <summary>ClickHouse's error number, for instance 60 for an unknown table.</summary>
    public int Code { get; }

    /// <summary>Reads the number out of the engine's text, which has the shape <c>Code: 60. DB::Exception: …</c>.</summary>
    public static EngineException Parse(string text)
    {
        var code = ErrorCodes.Unknown;
        if (text.StartsWith(NumberPrefix, StringComparison.Ordinal))
        {
            var end = text.IndexOf('.', StringComparison.Ordinal);
            if (end > 0 && int.TryParse(text.AsSpan(NumberPrefix.Length, end - NumberPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                code = number;
            }
        }

        return new EngineException(code, text.TrimEnd());
    }

    /// <summary>An error that the store finds itself, in the engine's words.</summary>
    public static EngineException Make(int code, string name, string text) =>
        new(code, string.Create(CultureInfo.InvariantCulture, $"Code: {code}. DB::Exception: {text} ({name})"));
}
