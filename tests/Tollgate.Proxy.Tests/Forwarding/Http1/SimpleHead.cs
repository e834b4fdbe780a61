using System.Globalization;
using System.Text.RegularExpressions;

namespace Tollgate.Proxy.Tests.Forwarding.Http1;

/// <summary>The same rules for heads once more, by regular expressions over a whole text: slow, and plain to read.</summary>
internal static partial class SimpleHead
{
    /// <summary>What <see cref="HeadReading.Describe"/> says of the head that <paramref name="text"/> begins with, a plus and the rest; null when it is not one.</summary>
    public static string? Read(string text, bool isForHead)
    {
        var whole = Whole().Match(text);
        if (!whole.Success)
        {
            return null;
        }

        var status = int.Parse(whole.Groups["status"].Value, CultureInfo.InvariantCulture);
        var fields = whole.Groups["name"].Captures.Zip(whole.Groups["value"].Captures, static (name, value) => (Name: name.Value, Value: value.Value.Trim(' ', '\t'))).ToList();
        var lengths = Of("content-length");
        var codings = Of("transfer-encoding");
        var is11 = whole.Groups["minor"].Value == "1";
        if (lengths.Count > 1 || codings.Count > 1 || (lengths.Count == 1 && codings.Count == 1)
            || lengths.Exists(static length => !Digits().IsMatch(length))
            || codings.Exists(coding => !is11 || !coding.Equals("chunked", StringComparison.OrdinalIgnoreCase)))
        {
            return null;
        }

        var length = lengths.Count == 0 ? -1 : long.Parse(lengths[0], CultureInfo.InvariantCulture);
        var hasNoBody = isForHead || status is < 200 or 204 or 304;
        var framing = hasNoBody ? "None" : codings.Count == 1 ? "Chunked" : length > 0 ? "Length" : length == 0 ? "None" : "UntilClose";
        var keeps = is11 && framing != "UntilClose"
            && !Of("connection").SelectMany(static value => value.Split(',')).Any(static option => option.Trim(' ', '\t').Equals("close", StringComparison.OrdinalIgnoreCase));
        var lines = fields.GroupBy(static field => field.Name, StringComparer.OrdinalIgnoreCase).Select(static group => $"{group.Key}: {string.Join(" | ", group.Select(static field => field.Value))}\n");
        return $"{status} {whole.Groups["reason"].Value} {framing} {length} {keeps}\n{string.Concat(lines)}+{text[whole.Length..]}";

        List<string> Of(string name) => [.. fields.Where(field => field.Name.Equals(name, StringComparison.OrdinalIgnoreCase)).Select(static field => field.Value)];
    }

    [GeneratedRegex(@"\AHTTP/1\.(?<minor>[01]) (?<status>[1-9][0-9]{2})(?: (?<reason>[\t\x20-\x7e\x80-\xff]*))?\r\n(?:(?<name>[!#$%&'*+\-.^_`|~0-9A-Za-z]+):(?<value>[\t\x20-\x7e\x80-\xff]*)\r\n)*\r\n", RegexOptions.ExplicitCapture)]
    private static partial Regex Whole();

    [GeneratedRegex(@"\A[0-9]{1,18}\z")]
    private static partial Regex Digits();
}
