using System.Text;

namespace Tollgate.Control.Storage;

/// <summary>The order of both databases: by UTF-8 bytes. .NET's ordinal order differs where a character takes two UTF-16 units.</summary>
internal sealed class ByteOrder : IComparer<string>
{
    /// <summary>The only one.</summary>
    public static ByteOrder Instance { get; } = new();

    /// <inheritdoc/>
    public int Compare(string? x, string? y) => Encoding.UTF8.GetBytes(x ?? string.Empty).AsSpan().SequenceCompareTo(Encoding.UTF8.GetBytes(y ?? string.Empty));
}
