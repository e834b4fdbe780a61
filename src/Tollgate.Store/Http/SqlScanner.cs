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

    /// <summary>A character beyond ASCII outside quotes and comments. To the engine it may be a blank or a quote; here it is refused.</summary>
    Foreign,
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
        if (unclosed)
        {
            return Take(SqlTokenKind.Unclosed, _at, sql.Length);
        }

        if (_at >= sql.Length)
        {
            return null;
        }

        var start = _at;
        var c = sql[_at];
        if (char.IsAsciiLetter(c) || c == '_')
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

        if (c == '$' && HeredocEnd(start) is var heredoc and > 0)
        {
            return Take(SqlTokenKind.Text, start, heredoc);
        }

        if (c > 127)
        {
            return Take(SqlTokenKind.Foreign, start, start + 1);
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
        while (end < sql.Length && (char.IsAsciiLetterOrDigit(sql[end]) || sql[end] is '_' or '$'))
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

    /// <summary>Where <c>$any text$ … $any text$</c> ends; 0 when it does not close: then the dollar is a symbol.</summary>
    private int HeredocEnd(int start)
    {
        var tagEnd = sql.IndexOf('$', start + 1);
        if (tagEnd < 0)
        {
            return 0;
        }

        var tag = sql[start..(tagEnd + 1)];
        var close = sql.IndexOf(tag, tagEnd + 1, StringComparison.Ordinal);
        return close < 0 ? 0 : close + tag.Length;
    }

    /// <summary>Where a comment ends; comments nest. -1 when it does not close.</summary>
    private int CommentEnd(int start)
    {
        var depth = 0;
        for (var i = start; i + 1 < sql.Length; i++)
        {
            var pair = sql.AsSpan(i, 2);
            if (pair.SequenceEqual("/*"))
            {
                depth++;
                i++;
            }
            else if (pair.SequenceEqual("*/"))
            {
                i++;
                if (--depth == 0)
                {
                    return i + 1;
                }
            }
        }

        return -1;
    }

    private void SkipBlanksAndComments(out bool unclosed)
    {
        unclosed = false;
        while (_at < sql.Length)
        {
            var rest = sql.AsSpan(_at);
            if (rest[0] is ' ' or (>= '\t' and <= '\r'))
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
                var end = CommentEnd(_at);
                unclosed = end < 0;
                if (unclosed)
                {
                    return;
                }

                _at = end;
            }
            else
            {
                return;
            }
        }
    }
}
