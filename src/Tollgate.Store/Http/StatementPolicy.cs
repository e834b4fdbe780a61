using Tollgate.Store.Engine;

namespace Tollgate.Store.Http;

/// <summary>Which statements the store runs: none that reaches outside its own tables.</summary>
/// <remarks>Names come from the engine itself less a short list of harmless ones, so what a later library adds is refused until looked at.</remarks>
internal sealed class StatementPolicy(EngineNames names)
{
    private static readonly string[] HarmlessFunctions =
    [
        "numbers", "numbers_mt", "zeros", "zeros_mt", "generate_series", "generateSeries", "generateRandom", "primes", "values",
        "SQLStandardValues", "view", "viewIfPermitted", "viewExplain", "merge", "null", "format", "dictionary", "mergeTreeIndex", "mergeTreeProjection",
    ];

    private static readonly string[] HarmlessDatabases = ["Atomic", "Memory"];
    private static readonly string[] HarmlessEngines = ["Memory", "Log", "TinyLog", "StripeLog", "Null", "View", "MaterializedView", "Set", "Join", "Buffer", "Merge", "GenerateRandom"];

    private readonly HashSet<string> _functions = Refused(names.TableFunctions, HarmlessFunctions);
    private readonly HashSet<string> _engines = Refused(
        names.TableEngines.Concat(names.DatabaseEngines).Where(name => !name.EndsWith("MergeTree", StringComparison.Ordinal) || name.StartsWith("Replicated", StringComparison.Ordinal)),
        [.. HarmlessDatabases, .. HarmlessEngines]);

    /// <summary>Refuses a statement that reads or writes files, other servers or programs.</summary>
    /// <exception cref="EngineException">497, naming what is refused; 501-style 48 for what needs a session.</exception>
    public void Check(string sql)
    {
        var tokens = SqlScanner.All(sql);
        for (var i = 0; i < tokens.Count; i++)
        {
            var token = tokens[i];
            if (token.Kind is not (SqlTokenKind.Word or SqlTokenKind.QuotedName))
            {
                continue;
            }

            var name = token.Value(sql);
            if (token.Kind == SqlTokenKind.QuotedName && NamesAFile(name))
            {
                throw Denied($"the name {name}: the engine's default database takes it for a file or an address");
            }

            var next = i + 1 < tokens.Count ? tokens[i + 1] : default;
            if (next.Is(sql, '(') && (_functions.Contains(name) || name.Equals("file", StringComparison.OrdinalIgnoreCase)))
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

            if (next.Is(sql, "OUTFILE") || next.Is(sql, "INFILE"))
            {
                throw Denied("files named in a statement");
            }

            if (token.Is(sql, "stack_trace") || (token.Kind == SqlTokenKind.QuotedName && name.Equals("stack_trace", StringComparison.OrdinalIgnoreCase)))
            {
                // Its signal is the one that .NET stops threads with.
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
            CheckFirst(sql, tokens[0]);
        }
    }

    /// <summary>Whether the default database would look for a name outside the store: <c>SELECT * FROM `/etc/passwd`</c> reads that file.</summary>
    /// <remarks>Names below the data directory stay possible: they lead to what the store holds anyway. An escape could hide any character.</remarks>
    private static bool NamesAFile(string name) =>
        name.Length > 0 && (name[0] is '/' or '.' or '~' || name.Contains('\\') || name.Contains("/..", StringComparison.Ordinal) || name.Contains("://", StringComparison.Ordinal));

    private static void CheckFirst(string sql, SqlToken first)
    {
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
