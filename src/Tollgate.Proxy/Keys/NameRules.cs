using System.IO.Enumeration;

namespace Tollgate.Proxy.Keys;

/// <summary>Which names are allowed: exact ones, or patterns in which <c>*</c> stands for anything.</summary>
/// <param name="allowed">Those that are; empty: all.</param>
/// <param name="denied">Those that are not, whatever else says so.</param>
public sealed class NameRules(IReadOnlyList<string> allowed, IReadOnlyList<string> denied)
{
    /// <summary>Whether every name is allowed.</summary>
    public bool AllowAll => allowed.Count == 0 && denied.Count == 0;

    /// <summary>Whether <paramref name="name"/> is allowed.</summary>
    public bool Allow(ReadOnlySpan<char> name) => !Matches(denied, name) && (allowed.Count == 0 || Matches(allowed, name));

    /// <summary>What is allowed, in words.</summary>
    public override string ToString() =>
        (allowed.Count == 0 ? "all" : string.Join(", ", allowed)) + (denied.Count == 0 ? string.Empty : $", but not {string.Join(", ", denied)}");

    private static bool Matches(IReadOnlyList<string> patterns, ReadOnlySpan<char> name)
    {
        for (var i = 0; i < patterns.Count; i++)
        {
            if (FileSystemName.MatchesSimpleExpression(patterns[i], name, ignoreCase: false))
            {
                return true;
            }
        }

        return false;
    }
}
