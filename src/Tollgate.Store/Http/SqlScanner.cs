namespace Tollgate.Store.Http;

/// <summary>What a piece of SQL is, as far as splitting it needs to know.</summary>
internal enum SqlTokenKind
{
    /// <summary>An unquoted word.</summary>
    Word,

    /// <summary>A name in backticks or double quotes.</summary>
    QuotedName,

    /// <summary>A string literal or heredoc.</summary>
    Text,

    /// <summary>A number.</summary>
    Number,

    /// <summary>One other character.</summary>
    Symbol,

    /// <summary>A quote or comment that does not close.</summary>
    Unclosed,
}

/// <summary>A token and where it lies.</summary>
internal readonly record struct SqlToken(SqlTokenKind Kind, int Start, int End, int Depth)
{
    /// <summary>Whether it is this word, in any case.</summary>
    public bool Is(string sql, string word) =>
        Kind == SqlTokenKind.Word && sql.AsSpan(Start, End - Start).Equals(word, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether it is this character.</summary>
    public bool Is(string sql, char symbol) => Kind == SqlTokenKind.Symbol && sql[Start] == symbol;

    /// <summary>Its characters; a quoted name without its quotes.</summary>
    public string Value(string sql) => Kind == SqlTokenKind.QuotedName ? sql[(Start + 1)..(End - 1)] : sql[Start..End];
}

/// <summary>Cuts SQL into tokens the way ClickHouse's lexer does: comments skipped, quotes and heredocs whole.</summary>
/// <remarks>Source: src/Parsers/Lexer.cpp of ClickHouse. Works from the front, one token a call, so it never looks into an INSERT's data.</remarks>
internal sealed class SqlScanner(string sql)
{
    private int _at;
    private int _depth;

    /// <summary>The next token; null at the end.</summary>
    public SqlToken? Next()
    {
        SkipBlanksAndComments(out var unclosed);
        if (unclosed || _at >= sql.Length)
        {
            return unclosed ? new SqlToken(SqlTokenKind.Unclosed, _at, sql.Length, _depth) : null;
        }

        var start = _at;
        var c = sql[_at];
        if (char.IsAsciiLetter(c) || c == '_' || c > 127)
        {
            return Take(SqlTokenKind.Word, start, WordEnd(start));
        }

        if (char.IsAsciiDigit(c))
        {
            return Take(SqlTokenKind.Number, start, WordEnd(start));
        }

        if (c is '\'' or '"' or '`')
        {
            var end = QuoteEnd(start, c);
            return end < 0
                ? Take(SqlTokenKind.Unclosed, start, sql.Length)
                : Take(c == '\'' ? SqlTokenKind.Text : SqlTokenKind.QuotedName, start, end);
        }

        if (c == '$' && HeredocEnd(start) is var heredoc and not 0)
        {
            return heredoc < 0 ? Take(SqlTokenKind.Unclosed, start, sql.Length) : Take(SqlTokenKind.Text, start, heredoc);
        }

        _depth -= c is ')' or ']' or '}' ? 1 : 0;
        var token = Take(SqlTokenKind.Symbol, start, start + 1);
        _depth += c is '(' or '[' or '{' ? 1 : 0;
        return token;
    }

    /// <summary>All tokens to the end.</summary>
    public static List<SqlToken> All(string sql)
    {
        var scanner = new SqlScanner(sql);
        var tokens = new List<SqlToken>();
        while (scanner.Next() is { } token)
        {
            tokens.Add(token);
        }

        return tokens;
    }

    private SqlToken Take(SqlTokenKind kind, int start, int end)
    {
        _at = end;
        return new SqlToken(kind, start, end, _depth);
    }

    private int WordEnd(int start)
    {
        var end = start + 1;
        while (end < sql.Length && (char.IsAsciiLetterOrDigit(sql[end]) || sql[end] is '_' or '$' || sql[end] > 127))
        {
            end++;
        }

        return end;
    }

    private int QuoteEnd(int start, char quote)
    {
        for (var i = start + 1; i < sql.Length; i++)
        {
            if (sql[i] == '\\')
            {
                i++;
            }
            else if (sql[i] == quote)
            {
                // A doubled quote is a quote inside.
                if (i + 1 >= sql.Length || sql[i + 1] != quote)
                {
                    return i + 1;
                }

                i++;
            }
        }

        return -1;
    }

    /// <summary>0: not a heredoc; -1: one that does not close.</summary>
    private int HeredocEnd(int start)
    {
        var tagEnd = start + 1;
        while (tagEnd < sql.Length && (char.IsAsciiLetterOrDigit(sql[tagEnd]) || sql[tagEnd] == '_'))
        {
            tagEnd++;
        }

        if (tagEnd >= sql.Length || sql[tagEnd] != '$')
        {
            return 0;
        }

        var tag = sql[start..(tagEnd + 1)];
        var close = sql.IndexOf(tag, tagEnd + 1, StringComparison.Ordinal);
        return close < 0 ? -1 : close + tag.Length;
    }

    private void SkipBlanksAndComments(out bool unclosed)
    {
        unclosed = false;
        while (_at < sql.Length)
        {
            var rest = sql.AsSpan(_at);
            if (char.IsWhiteSpace(rest[0]))
            {
                _at++;
            }
            else if (rest.StartsWith("--") || rest.StartsWith("//") || rest.StartsWith("# ") || rest.StartsWith("#!"))
            {
                var line = rest.IndexOf('\n');
                _at = line < 0 ? sql.Length : _at + line + 1;
            }
            else if (rest.StartsWith("/*"))
            {
                var close = rest[2..].IndexOf("*/");
                unclosed = close < 0;
                if (unclosed)
                {
                    return;
                }

                _at += close + 4;
            }
            else
            {
                return;
            }
        }
    }
}
