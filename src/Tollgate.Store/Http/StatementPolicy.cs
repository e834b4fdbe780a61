using Tollgate.Store.Engine;

namespace Tollgate.Store.Http;

/// <summary>Which statements the store runs: none that reaches outside its own tables.</summary>
/// <remarks>Names come from the engine itself less a short list of harmless ones, so what a later library adds is refused until looked at.</remarks>
internal sealed class StatementPolicy(EngineNames names)
{
    private static readonly string[] HarmlessFunctions =
    [
        "numbers", "numbers_mt", "zeros", "zeros_mt", "generate_series", "generateSeries", "generateRandom", "primes", "values",
        "SQLStandardValues", "view", "viewIfPermitted", "viewExplain", "null", "dictionary", "mergeTreeIndex", "mergeTreeProjection",
    ];

    // Their values are expressions in a string, where no scanner looks.
    private static readonly HashSet<string> RefusedSettings = new(StringComparer.OrdinalIgnoreCase) { "additional_table_filters", "additional_result_filter" };

    private static readonly string[] HarmlessDatabases = ["Atomic", "Memory"];
    private static readonly string[] HarmlessEngines = ["Memory", "Log", "TinyLog", "StripeLog", "Null", "View", "MaterializedView", "Set", "Join", "Buffer", "GenerateRandom"];

    // Functions outside the list of table functions that read files or put tables elsewhere.
    private static readonly string[] OtherFunctions = ["file", "disk", "catboostEvaluate"];

    // What SYSTEM may do: the rest stops the store (SHUTDOWN signals its whole process group) or reads its configuration anew.
    private static readonly string[] SystemVerbs = ["FLUSH", "DROP", "CLEAR", "SYNC", "STOP", "START", "WAIT", "REFRESH"];

    // Settings that name a file whose text comes back in the answer or in its error.
    private static readonly string[] FileSettings = ["format_schema", "format_template"];

    private readonly HashSet<string> _functions = Refused(names.TableFunctions.Concat(OtherFunctions), HarmlessFunctions);
    private readonly HashSet<string> _engines = Refused(
        names.TableEngines.Concat(names.DatabaseEngines).Where(name => !name.EndsWith("MergeTree", StringComparison.Ordinal) || name.StartsWith("Replicated", StringComparison.Ordinal)),
        [.. HarmlessDatabases, .. HarmlessEngines]);

    /// <summary>Refuses what a request brings beside its statement: a name as a parameter, an expression as a setting.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="parameters">Values of <c>{name:Type}</c>; with the type Identifier a value becomes a name.</param>
    /// <param name="settings">Names of the settings in the URL.</param>
    /// <exception cref="EngineException">497, naming what is refused.</exception>
    public static void CheckRequest(string sql, IReadOnlyList<KeyValuePair<string, string>> parameters, IEnumerable<string> settings)
    {
        if (settings.FirstOrDefault(RefusedSettings.Contains) is { } setting)
        {
            throw Denied($"the setting {setting}");
        }

        if (parameters.Count > 0 && SqlScanner.All(sql).Any(token => token.Is(sql, "Identifier"))
            && parameters.FirstOrDefault(static parameter => NamesAFile(parameter.Value)) is { Key: not null } file)
        {
            throw Denied($"the name {file.Value} in the parameter {file.Key}");
        }
    }

    /// <summary>Refuses a statement, or the rows of VALUES, that reads or writes files, other servers or programs.</summary>
    /// <exception cref="EngineException">497, naming what is refused; 501-style 48 for what needs a session.</exception>
    public void Check(string sql)
    {
        var tokens = SqlScanner.All(sql);
        for (var i = 0; i < tokens.Count; i++)
        {
            var token = tokens[i];
            var next = i + 1 < tokens.Count ? tokens[i + 1] : default;
            CheckShape(sql, token, isLast: i == tokens.Count - 1);
            if (token.Kind is not (SqlTokenKind.Word or SqlTokenKind.QuotedName))
            {
                continue;
            }

            var name = token.Value(sql);
            if (token.Kind == SqlTokenKind.QuotedName && NamesAFile(name))
            {
                throw Denied($"the name {name}: it could be that of a file or an address");
            }

            CheckSetting(name);
            if (next.Is(sql, '(') && _functions.Contains(name))
            {
                throw Denied($"the function {name}, which reaches outside the store's tables");
            }

            if (token.Is(sql, "ENGINE"))
            {
                var engine = next.Is(sql, '=') && i + 2 < tokens.Count ? tokens[i + 2] : next;
                if (engine.Kind is SqlTokenKind.Word or SqlTokenKind.QuotedName && _engines.Contains(engine.Value(sql)))
                {
                    throw Denied($"the engine {engine.Value(sql)}, which reaches outside the store's tables");
                }
            }

            if (RefusedSettings.Contains(name))
            {
                throw Denied($"the setting {name}");
            }

            if (next.Is(sql, "OUTFILE") || next.Is(sql, "INFILE"))
            {
                throw Denied("files named in a statement");
            }

            if (IsStackTrace(name))
            {
                throw Denied("system.stack_trace");
            }

            if ((token.Is(sql, "INTO") && next.Is(sql, "FUNCTION")) || (token.Is(sql, "TABLE") && next.Is(sql, "FUNCTION")))
            {
                throw Denied("INSERT INTO FUNCTION");
            }

            if (token.Is(sql, "SOURCE") && next.Is(sql, '(') && i + 2 < tokens.Count && !tokens[i + 2].Is(sql, "CLICKHOUSE") && !tokens[i + 2].Is(sql, "NULL"))
            {
                throw Denied("dictionary sources outside the store");
            }

            // An EXPLAIN or WITH around an INSERT, or a second statement beside it, could carry data past the splitter.
            if (i > 0 && token.Depth == 0 && token.Is(sql, "INSERT") && next.Is(sql, "INTO"))
            {
                throw EngineException.Make(ErrorCodes.NotImplemented, "NOT_IMPLEMENTED", "INSERT INTO must start its statement here.");
            }
        }

        if (tokens.Count > 0 && !tokens[0].Is(sql, "SELECT"))
        {
            CheckFirst(sql, tokens[0], tokens.Count > 1 ? tokens[1] : default);
        }
    }

    /// <summary>Refuses values that a <c>{name:Identifier}</c> would put into a statement after <see cref="Check"/> has seen it.</summary>
    /// <exception cref="EngineException">497.</exception>
    public static void CheckIdentifiers(string sql, IReadOnlyList<KeyValuePair<string, string>> parameters)
    {
        if (!SqlScanner.All(sql).Exists(token => token.Is(sql, "Identifier")))
        {
            return;
        }

        foreach (var (name, value) in parameters)
        {
            if (NamesAFile(value) || IsStackTrace(value))
            {
                throw Denied($"the value {value} of the parameter {name} as a name");
            }
        }
    }

    /// <summary>Refuses settings that name a file.</summary>
    /// <exception cref="EngineException">497.</exception>
    public static void CheckSetting(string name)
    {
        if (Array.Exists(FileSettings, setting => name.StartsWith(setting, StringComparison.OrdinalIgnoreCase)))
        {
            throw Denied($"the setting {name}, which names a file");
        }
    }

    /// <summary>Refuses what this scanner and the engine's could read differently, and more than one statement.</summary>
    private static void CheckShape(string sql, SqlToken token, bool isLast)
    {
        if (token.Kind is SqlTokenKind.Unclosed or SqlTokenKind.Foreign)
        {
            throw EngineException.Make(
                ErrorCodes.SyntaxError,
                "SYNTAX_ERROR",
                $"Syntax error: failed at position {token.Start + 1}: {(token.Kind == SqlTokenKind.Foreign ? "a character beyond ASCII outside quotes" : "a quote or comment is not closed")}.");
        }

        if (token.Is(sql, ';') && !isLast)
        {
            throw EngineException.Make(ErrorCodes.SyntaxError, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed): send one statement a request.");
        }
    }

    /// <summary>Whether a name is that of the table whose reading signals every thread, with the signal that .NET stops threads with.</summary>
    private static bool IsStackTrace(string name) => name.Equals("stack_trace", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a name could be a path or an address: some engines and databases take it for one. An escape could hide any character.</summary>
    private static bool NamesAFile(string name) =>
        name.Length > 0 && (name[0] is '/' or '.' or '~' || name.Contains('\\') || name.Contains("/..", StringComparison.Ordinal) || name.Contains("://", StringComparison.Ordinal));

    private static void CheckFirst(string sql, SqlToken first, SqlToken second)
    {
        if (first.Is(sql, "SYSTEM") && !Array.Exists(SystemVerbs, verb => second.Is(sql, verb)))
        {
            throw Denied($"SYSTEM {(second.Kind == SqlTokenKind.Word ? second.Value(sql).ToUpperInvariant() : string.Empty)}; it allows SYSTEM {string.Join(", ", SystemVerbs)}");
        }

        if (first.Is(sql, "SET") || first.Is(sql, "USE"))
        {
            throw EngineException.Make(
                ErrorCodes.NotImplemented, "NOT_IMPLEMENTED", "SET and USE need a session, which this store does not have: send settings and database in the URL.");
        }

        if (first.Is(sql, "BACKUP") || first.Is(sql, "RESTORE"))
        {
            throw Denied("BACKUP and RESTORE");
        }
    }

    private static HashSet<string> Refused(IEnumerable<string> all, string[] harmless) =>
        new(all.Except(harmless, StringComparer.OrdinalIgnoreCase), StringComparer.OrdinalIgnoreCase);

    private static EngineException Denied(string what) =>
        EngineException.Make(ErrorCodes.AccessDenied, "ACCESS_DENIED", $"This store does not allow {what}.");
}
