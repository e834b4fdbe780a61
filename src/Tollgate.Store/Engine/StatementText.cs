using System.Text;

namespace Tollgate.Store.Engine;

/// <summary>A statement with the format of its data and its typed parameters.</summary>
/// <param name="Sql">One statement, without inline data.</param>
/// <param name="Format">The format of the answer or of the inserted data, where the statement does not name one.</param>
/// <param name="Parameters">Names and TSV-escaped values of <c>{name:Type}</c> placeholders.</param>
internal sealed record StatementText(string Sql, string Format, IReadOnlyList<KeyValuePair<string, string>> Parameters)
{
    /// <summary>A statement without parameters.</summary>
    public static StatementText Plain(string sql, string format = "TabSeparated") => new(sql, format, []);

    /// <summary>Calls one of the three engine functions that take a statement with parameters.</summary>
    internal unsafe nint Call(
        nint connection, delegate* unmanaged<nint, byte*, nuint, byte*, nuint, byte**, nuint*, byte**, nuint*, nuint, nint> function)
    {
        using var strings = new NativeStrings();
        var count = Parameters.Count;
        var names = stackalloc byte*[Math.Max(count, 1)];
        var values = stackalloc byte*[Math.Max(count, 1)];
        var nameLengths = stackalloc nuint[Math.Max(count, 1)];
        var valueLengths = stackalloc nuint[Math.Max(count, 1)];
        for (var i = 0; i < count; i++)
        {
            names[i] = strings.Add(Parameters[i].Key, out nameLengths[i]);
            values[i] = strings.Add(Parameters[i].Value, out valueLengths[i]);
        }

        var sql = strings.Add(Sql, out var sqlLength);
        var format = strings.Add(Format, out var formatLength);
        return function(connection, sql, sqlLength, format, formatLength, names, nameLengths, values, valueLengths, (nuint)count);
    }
}

/// <summary>UTF-8 copies in native memory, NUL at the end, freed together.</summary>
internal sealed unsafe class NativeStrings : IDisposable
{
    private readonly List<nint> _copies = [];

    /// <summary>Copies <paramref name="text"/>; the pointer lives until Dispose.</summary>
    /// <param name="text">Any text.</param>
    /// <param name="length">Its UTF-8 bytes, without the NUL.</param>
    public byte* Add(string text, out nuint length)
    {
        var bytes = Encoding.UTF8.GetByteCount(text);
        var copy = (byte*)System.Runtime.InteropServices.NativeMemory.Alloc((nuint)bytes + 1);
        _copies.Add((nint)copy);
        Encoding.UTF8.GetBytes(text, new Span<byte>(copy, bytes));
        copy[bytes] = 0;
        length = (nuint)bytes;
        return copy;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var copy in _copies)
        {
            System.Runtime.InteropServices.NativeMemory.Free((void*)copy);
        }

        _copies.Clear();
    }
}
