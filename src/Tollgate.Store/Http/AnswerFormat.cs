namespace Tollgate.Store.Http;

/// <summary>The format that an answer will have, and what follows from it.</summary>
/// <param name="Name">As the statement or the request wrote it.</param>
internal sealed record AnswerFormat(string Name)
{
    private static readonly HashSet<string> BeforeOperands = new(StringComparer.OrdinalIgnoreCase)
    {
        "SELECT", "DISTINCT", "AS", "BY", "WHERE", "PREWHERE", "HAVING", "AND", "OR", "NOT", "FROM", "JOIN", "ON",
    };

    /// <summary>The header's content type.</summary>
    public string ContentType => Name switch
    {
        "TabSeparated" or "TSV" or "TSVRaw" or "TabSeparatedRaw" or "TSVWithNames" or "TabSeparatedWithNames" or "TSVWithNamesAndTypes" or "TabSeparatedWithNamesAndTypes"
            => "text/tab-separated-values; charset=UTF-8",
        "CSV" or "CSVWithNames" or "CSVWithNamesAndTypes" => "text/csv; charset=UTF-8; header=absent",
        "JSON" or "JSONCompact" or "JSONStrings" or "JSONColumns" => "application/json; charset=UTF-8",
        "JSONEachRow" or "NDJSON" or "JSONLines" => "application/x-ndjson; charset=UTF-8",
        "XML" => "application/xml; charset=UTF-8",
        "Markdown" => "text/markdown; charset=UTF-8",
        "RowBinary" or "RowBinaryWithNames" or "RowBinaryWithNamesAndTypes" or "Native" or "Parquet" or "Arrow" or "ArrowStream" or "ORC" or "MsgPack"
            => "application/octet-stream",
        _ => "text/plain; charset=UTF-8",
    };

    /// <summary>Whether pieces of the answer, put one after another, are the answer.</summary>
    /// <remarks>The engine writes every piece as a document of its own; these formats have nothing before the rows or after them.</remarks>
    public bool Concatenates => Name is "RowBinary" or "TabSeparated" or "TSV" or "TabSeparatedRaw" or "TSVRaw" or "CSV" or "JSONEachRow" or "NDJSON" or "JSONLines"
        or "JSONCompactEachRow" or "Native";

    /// <summary>Whether each piece begins with names and types that only the first may keep.</summary>
    public bool RepeatsHeader => Name is "RowBinaryWithNamesAndTypes";

    /// <summary>The format of a statement's answer.</summary>
    /// <param name="sql">The statement.</param>
    /// <param name="otherwise">The format where the statement names none.</param>
    public static AnswerFormat Of(string sql, string otherwise)
    {
        var tokens = SqlScanner.All(sql);
        for (var i = tokens.Count - 2; i > 0; i--)
        {
            // A column may be called format; the clause follows an expression, is followed by a bare word, and only SETTINGS come after it.
            var isLast = i + 2 == tokens.Count || tokens[i + 2].Is(sql, ';') || tokens[i + 2].Is(sql, "SETTINGS");
            if (isLast && tokens[i].Depth == 0 && tokens[i].Is(sql, "FORMAT") && tokens[i + 1].Kind == SqlTokenKind.Word && !ExpectsOperand(sql, tokens[i - 1]))
            {
                return new AnswerFormat(tokens[i + 1].Value(sql));
            }
        }

        return new AnswerFormat(otherwise);
    }

    /// <summary>Length of the names and types before the first row: a count, then that many names, then as many types, each with its length.</summary>
    public static int HeaderLength(ReadOnlySpan<byte> piece)
    {
        var at = 0;
        var columns = ReadLength(piece, ref at);
        for (var text = 0; text < columns * 2; text++)
        {
            var length = ReadLength(piece, ref at);
            at += length;
        }

        return at;
    }

    private static bool ExpectsOperand(string sql, SqlToken token) =>
        token.Is(sql, ',') || token.Is(sql, '.') || (token.Kind == SqlTokenKind.Word && BeforeOperands.Contains(token.Value(sql)));

    private static int ReadLength(ReadOnlySpan<byte> piece, ref int at)
    {
        var value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = piece[at++];
            value |= (part & 0x7F) << shift;
            if ((part & 0x80) == 0)
            {
                return value;
            }
        }
    }
}
