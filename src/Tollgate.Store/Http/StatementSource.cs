using System.Buffers;
using System.Text;
using Tollgate.Store.Engine;

namespace Tollgate.Store.Http;

/// <summary>The statement of a request, and for an INSERT the data that follow it, wherever the cut between URL and body fell.</summary>
/// <remarks>
/// The text is the URL's, a line end, and the body. Its beginning is looked at as bytes, one character each, so that an INSERT's data are
/// never decoded, only cut off.
/// </remarks>
internal sealed class StatementSource
{
    // An INSERT's own text is far shorter; a longer body without FORMAT or VALUES in here is a statement and read to its end.
    private const int HeadBytes = 256 * 1024;

    // max_query_size of a server is 256 KiB; generated statements are longer, hostile ones longer still.
    private const int MaxStatementBytes = 16 * 1024 * 1024;

    private StatementSource(string sql, InsertStatement? insert, ReadOnlyMemory<byte> dataHead, Stream rest)
    {
        Sql = sql;
        Insert = insert;
        DataHead = dataHead;
        Rest = rest;
    }

    /// <summary>The statement; of an INSERT with data only the part before FORMAT or VALUES.</summary>
    public string Sql { get; }

    /// <summary>The INSERT whose data follow; null for any other statement.</summary>
    public InsertStatement? Insert { get; }

    /// <summary>The data that were read with the statement.</summary>
    public ReadOnlyMemory<byte> DataHead { get; private set; }

    /// <summary>The data still to be read.</summary>
    public Stream Rest { get; }

    /// <summary>Reads as much as it takes to know the statement.</summary>
    /// <exception cref="EngineException">No statement, or one that is too long.</exception>
    public static async Task<StatementSource> ReadAsync(string urlText, Stream body, CancellationToken cancellationToken)
    {
        var head = new ArrayBufferWriter<byte>();
        if (urlText.Length > 0)
        {
            head.Write(Encoding.UTF8.GetBytes(urlText));
            head.Write("\n"u8);
        }

        var hasEnded = await FillAsync(head, body, HeadBytes, cancellationToken);
        if (InsertStatement.TryParse(Encoding.Latin1.GetString(head.WrittenSpan)) is { } insert)
        {
            if (insert.Format is null && !hasEnded)
            {
                throw EngineException.Make(ErrorCodes.SyntaxError, "SYNTAX_ERROR", $"Syntax error: no FORMAT or VALUES in the first {HeadBytes} bytes of an INSERT.");
            }

            return new StatementSource(Decode(Encoding.Latin1.GetBytes(insert.Sql)), insert, head.WrittenMemory[insert.DataStart..], body);
        }

        if (!hasEnded && !await FillAsync(head, body, MaxStatementBytes, cancellationToken))
        {
            throw EngineException.Make(ErrorCodes.SyntaxError, "SYNTAX_ERROR", $"Max query size exceeded: a statement has at most {MaxStatementBytes} bytes.");
        }

        var sql = Decode(head.WrittenSpan).Trim();
        return sql.Length > 0
            ? new StatementSource(sql, null, default, body)
            : throw EngineException.Make(ErrorCodes.SyntaxError, "SYNTAX_ERROR", "Syntax error: Empty query.");
    }

    /// <summary>Reads the rows of an <c>INSERT … VALUES</c> to their end, since the engine evaluates each as an expression: <c>(file('/etc/passwd'))</c>.</summary>
    /// <exception cref="EngineException">More rows than a statement may be long.</exception>
    public async Task<string> ReadValuesAsync(CancellationToken cancellationToken)
    {
        var rows = new ArrayBufferWriter<byte>();
        rows.Write(DataHead.Span);
        if (!await FillAsync(rows, Rest, MaxStatementBytes, cancellationToken))
        {
            throw EngineException.Make(
                ErrorCodes.SyntaxError, "SYNTAX_ERROR", $"Max query size exceeded: VALUES have at most {MaxStatementBytes} bytes; any other FORMAT has no limit.");
        }

        DataHead = rows.WrittenMemory;
        return Decode(rows.WrittenSpan);
    }

    private static string Decode(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    /// <summary>Reads until <paramref name="upTo"/> bytes are there. Returns whether the body has ended before.</summary>
    private static async Task<bool> FillAsync(ArrayBufferWriter<byte> head, Stream body, int upTo, CancellationToken cancellationToken)
    {
        while (head.WrittenCount < upTo)
        {
            var read = await body.ReadAsync(head.GetMemory(16 * 1024), cancellationToken);
            if (read == 0)
            {
                return true;
            }

            head.Advance(read);
        }

        return false;
    }
}
