using System.Text.Encodings.Web;
using System.Text.Json;

namespace Tollgate.Cli;

/// <summary>How the verbs write JSON.</summary>
internal static class CliJson
{
    /// <summary>Indented, camelCase; quotation marks in messages stay readable, since this goes to a terminal and not into a page.</summary>
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };
}
