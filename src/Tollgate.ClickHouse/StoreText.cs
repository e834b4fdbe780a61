namespace Tollgate.ClickHouse;

/// <summary>Text as it stands in a statement, where a parameter won't do.</summary>
internal static class StoreText
{
    /// <summary>A string literal: backslash and quote escaped.</summary>
    public static string Quote(string text) => "'" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal) + "'";
}
