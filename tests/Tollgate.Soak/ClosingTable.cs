namespace Tollgate.Soak;

/// <summary>What a run came to, a line each.</summary>
internal static class ClosingTable
{
    /// <summary>Writes names to the left and values below each other.</summary>
    public static void Write(IEnumerable<(string Name, string Value)> rows, TextWriter output)
    {
        var lines = rows.ToArray();
        var width = lines.Max(static line => line.Name.Length);
        foreach (var (name, value) in lines)
        {
            output.WriteLine($"{name.PadRight(width)}  {value}");
        }
    }
}
