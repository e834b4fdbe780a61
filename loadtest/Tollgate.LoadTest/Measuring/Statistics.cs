namespace Tollgate.LoadTest.Measuring;

/// <summary>The little arithmetic that reports need.</summary>
internal static class Statistics
{
    /// <summary>The middle value; of an even number, the mean of the two. 0 of none.</summary>
    public static double Median(IEnumerable<double> values)
    {
        var sorted = values.Order().ToArray();
        var middle = sorted.Length / 2;
        return sorted.Length == 0 ? 0 : sorted.Length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    }
}
