using Tollgate.Store.Engine;

namespace Tollgate.Store.Http;

/// <summary>An INSERT whose data follow the statement: the part for the parser, the format, and where the data start.</summary>
/// <remarks>
/// The engine's parser ends inline data at the first blank line and runs what follows as SQL, so data must never reach it:
/// the statement is cut here and the data go through the insert stream, which takes any bytes.
/// Shape: <c>INSERT INTO t (a, b) SETTINGS x = 1 FORMAT RowBinary\n…data</c>, or <c>… VALUES (1), (2)</c>.
/// </remarks>
/// <param name="Sql">The statement up to, without, FORMAT or VALUES.</param>
/// <param name="Format">The data's format; null when the statement names none.</param>
/// <param name="DataStart">Index of the first character of data.</param>
internal sealed record InsertStatement(string Sql, string? Format, int DataStart)
{
    /// <summary>Reads <paramref name="sql"/> as an INSERT with data.</summary>
    /// <returns>Null when it is another statement, INSERT … SELECT among them.</returns>
    /// <exception cref="EngineException">An INSERT that cannot be split safely.</exception>
    public static InsertStatement? TryParse(string sql)
    {
        var scanner = new SqlScanner(sql);
        if (scanner.Next() is not { } first || !first.Is(sql, "INSERT"))
        {
            return null;
        }

        var previous = first;
        while (scanner.Next() is { } token)
        {
            if (token.Kind == SqlTokenKind.Unclosed || token.Is(sql, ';'))
            {
                break;
            }

            // A table or column may be called format: only a word that starts a clause counts.
            var startsClause = token.Depth == 0 && !previous.Is(sql, '.') && !previous.Is(sql, "INTO") && !previous.Is(sql, "TABLE");
            if (startsClause && token.Is(sql, "FORMAT"))
            {
                return scanner.Next() is { Kind: SqlTokenKind.Word } format
                    ? new InsertStatement(sql[..token.Start], format.Value(sql), AfterFormat(sql, format.End))
                    : throw Syntax("FORMAT needs a name");
            }

            if (startsClause && token.Is(sql, "VALUES"))
            {
                return new InsertStatement(sql[..token.Start], "Values", token.End);
            }

            if (token.Is(sql, "SELECT") || (startsClause && (token.Is(sql, "WITH") || token.Is(sql, "WATCH"))))
            {
                return null;
            }

            previous = token;
        }

        return new InsertStatement(sql, null, sql.Length);
    }

    /// <summary>Data start after blanks and one line end, or after all the blanks.</summary>
    private static int AfterFormat(string sql, int at)
    {
        while (at < sql.Length && sql[at] is ' ' or '\t' or '\f')
        {
            at++;
        }

        if (at < sql.Length && sql[at] == ';')
        {
            throw Syntax("';' between the FORMAT and the data of an INSERT");
        }

        at += at < sql.Length && sql[at] == '\r' ? 1 : 0;
        return at + (at < sql.Length && sql[at] == '\n' ? 1 : 0);
    }

    private static EngineException Syntax(string what) => EngineException.Make(ErrorCodes.SyntaxError, "SYNTAX_ERROR", $"Syntax error: {what}.");
}
