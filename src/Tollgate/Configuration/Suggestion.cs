namespace Tollgate.Configuration;

/// <summary>Finds the word that was probably meant.</summary>
internal static class Suggestion
{
    /// <summary>"Did you mean …?" with the nearest of <paramref name="known"/>, else the list of all of them.</summary>
    public static string For(string given, IEnumerable<string> known)
    {
        var all = known.ToArray();
        var (nearest, distance) = all
            .Select(word => (word, Distance(given.ToLowerInvariant(), word.ToLowerInvariant())))
            .OrderBy(pair => pair.Item2)
            .FirstOrDefault((string.Empty, int.MaxValue));

        // A third of the word may be wrong: "basUrl" finds baseUrl, "foo" finds nothing.
        return distance <= Math.Max(1, nearest.Length / 3)
            ? $"Did you mean \"{nearest}\"?"
            : $"Known here: {string.Join(", ", all)}.";
    }

    /// <summary>Up to <paramref name="count"/> of <paramref name="known"/>, the nearest first: those that hold the word given, then by letters that differ.</summary>
    public static IEnumerable<string> Nearest(string given, IEnumerable<string> known, int count) => known
        .OrderBy(word => given.Length > 0 && word.Contains(given, StringComparison.OrdinalIgnoreCase) ? 0 : 1)
        .ThenBy(word => Distance(given.ToLowerInvariant(), word.ToLowerInvariant()))
        .Take(count);

    /// <summary>Letters to insert, drop or replace to make one word the other (Levenshtein).</summary>
    private static int Distance(string from, string to)
    {
        var row = new int[to.Length + 1];
        for (var j = 0; j <= to.Length; j++)
        {
            row[j] = j;
        }

        for (var i = 1; i <= from.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= to.Length; j++)
            {
                var replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j], row[j - 1]) + 1);
            }
        }

        return row[^1];
    }
}
