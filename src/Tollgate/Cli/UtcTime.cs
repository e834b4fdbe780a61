using System.Globalization;
using ConfigurationPath = Tollgate.Configuration.ConfigurationPath;

namespace Tollgate.Cli;

/// <summary>Times as the verbs take and print them: UTC, unless another offset is written.</summary>
internal static class UtcTime
{
    private static readonly string[] Formats = ["yyyy-MM-dd", "yyyy-MM-dd'T'HH:mmK", "yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    /// <summary>A day, which is its first moment, or an ISO time.</summary>
    public static bool TryParse(string text, out DateTimeOffset time) =>
        DateTimeOffset.TryParseExact(text, Formats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out time);

    /// <summary>What is wrong with an option's value that is no time.</summary>
    public static string Complaint(string option, string text, DateTimeOffset now) =>
        $"{option} is {ConfigurationPath.Quote(text)}, but must be a day as {now.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)} or a time as {Minute(now)} (UTC).";

    /// <summary>To the minute: <c>2026-11-24T22:15Z</c>.</summary>
    public static string Minute(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm'Z'", CultureInfo.InvariantCulture);

    /// <summary>To the second: <c>2026-11-24T22:15:07Z</c>.</summary>
    public static string Second(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
