using System.Collections.Concurrent;
using System.Text;

namespace Tollgate.Proxy.Facts;

/// <summary>Turns bytes off the wire into strings that already exist: models, tiers, stop reasons and other names of few values.</summary>
/// <remarks>
/// Bound: <see cref="Capacity"/> names. Past it a new name is still returned, only not kept, so hostile input costs an
/// allocation each and no memory. Look-ups are lock-free and allocate nothing once a name is known.
/// </remarks>
public static class NameTable
{
    /// <summary>How many names are kept.</summary>
    public const int Capacity = 4096;

    /// <summary>The longest name kept, in bytes; a longer one is cut there.</summary>
    public const int MaxBytes = 128;

    private static readonly ConcurrentDictionary<string, string> Names = new(StringComparer.Ordinal);
    private static readonly ConcurrentDictionary<string, string>.AlternateLookup<ReadOnlySpan<char>> ByChars =
        Names.GetAlternateLookup<ReadOnlySpan<char>>();

    /// <summary>The one string for <paramref name="utf8"/>; empty for no bytes.</summary>
    public static string Intern(ReadOnlySpan<byte> utf8)
    {
        Span<char> chars = stackalloc char[MaxBytes];
        var length = Encoding.UTF8.GetChars(utf8[..Math.Min(utf8.Length, MaxBytes)], chars);
        return Intern(chars[..length]);
    }

    /// <summary>The one string for <paramref name="name"/>; empty for no characters.</summary>
    public static string Intern(ReadOnlySpan<char> name)
    {
        name = name[..Math.Min(name.Length, MaxBytes)];
        if (name.IsEmpty)
        {
            return string.Empty;
        }

        if (ByChars.TryGetValue(name, out var known))
        {
            return known;
        }

        var made = name.ToString();
        return Names.Count < Capacity ? Names.GetOrAdd(made, made) : made;
    }
}
