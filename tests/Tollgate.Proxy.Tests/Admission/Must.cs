using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;

namespace Tollgate.Proxy.Tests.Admission;

/// <summary>An assertion whose sentence is put together only when it fails: schedules make millions.</summary>
internal static class Must
{
    public static void Be(bool condition, [InterpolatedStringHandlerArgument(nameof(condition))] ref Otherwise otherwise)
    {
        if (!condition)
        {
            throw new InvalidOperationException(otherwise.Text);
        }
    }

    [InterpolatedStringHandler]
    internal readonly ref struct Otherwise
    {
        private readonly StringBuilder? _text;

        public Otherwise(int literals, int values, bool condition, out bool isWanted)
        {
            isWanted = !condition;
            _text = condition ? null : new StringBuilder(literals + (8 * values));
        }

        public string Text => _text?.ToString() ?? string.Empty;

        public void AppendLiteral(string text) => _text!.Append(text);

        public void AppendFormatted<T>(T value) => _text!.Append(CultureInfo.InvariantCulture, $"{value}");
    }
}
