using System.Globalization;
using System.Text;

namespace Tollgate.Store.Engine;

/// <summary>Which database and settings a connection has now, and the statements that bring it to those of the next request.</summary>
/// <remarks>
/// A server gives each request a context of its own; here requests share connections. Every connection remembers what the
/// last request set, so a client that always sends the same settings costs no extra statement, and nothing leaks: what the
/// next request does not name goes back to the value read at start (SET x = DEFAULT would give the engine's, not ours).
/// </remarks>
internal sealed class SessionState
{
    private readonly Dictionary<string, string> _changed = [];

    /// <summary>The database that unqualified names mean now.</summary>
    public string Database { get; private set; } = "default";

    /// <summary>Brings a leased connection to what a request asks for.</summary>
    /// <param name="connection">The leased connection that owns this state.</param>
    /// <param name="database">The request's database.</param>
    /// <param name="settings">The request's settings, by name.</param>
    /// <param name="baseline">All settings' values right after connecting.</param>
    /// <exception cref="EngineException">Unknown database, unknown setting, or a value that does not parse.</exception>
    public async Task ApplyAsync(
        EngineConnection connection, string database, IReadOnlyDictionary<string, string> settings, IReadOnlyDictionary<string, string> baseline)
    {
        var back = _changed.Keys.Where(name => !settings.ContainsKey(name)).ToArray();
        foreach (var name in back)
        {
            await RunAsync(connection, Assignment(name, baseline[name]));
            _changed.Remove(name);
        }

        foreach (var (name, value) in settings)
        {
            if (_changed.TryGetValue(name, out var current) && current == value)
            {
                continue;
            }

            if (!baseline.ContainsKey(name))
            {
                throw EngineException.Make(ErrorCodes.UnknownSetting, "UNKNOWN_SETTING", $"Unknown setting '{name}'.");
            }

            await RunAsync(connection, Assignment(name, value));
            _changed[name] = value;
        }

        if (database != Database)
        {
            await RunAsync(connection, "USE " + QuoteIdentifier(database));
            Database = database;
        }
    }

    /// <summary>A string literal: backslash and quote escaped.</summary>
    public static string QuoteString(string text) =>
        "'" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal) + "'";

    private static string QuoteIdentifier(string name) =>
        "`" + name.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("`", "\\`", StringComparison.Ordinal) + "`";

    private static string Assignment(string name, string value)
    {
        var text = new StringBuilder("SET ");
        return text.Append(CultureInfo.InvariantCulture, $"{QuoteIdentifier(name)} = {QuoteString(value)}").ToString();
    }

    private static async Task RunAsync(EngineConnection connection, string sql)
    {
        using var result = await connection.QueryAsync(StatementText.Plain(sql));
    }
}
