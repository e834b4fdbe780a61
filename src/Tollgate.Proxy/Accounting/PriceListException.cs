using System.Globalization;
using System.Text;

namespace Tollgate.Proxy.Accounting;

/// <summary>One thing wrong in a price file.</summary>
/// <param name="Path">Where: <c>models[2].standard[0].input</c>; empty for the file as a whole.</param>
/// <param name="Value">What stands there.</param>
/// <param name="Change">What is wrong with it, and what to write instead.</param>
public readonly record struct PriceProblem(string Path, string Value, string Change)
{
    /// <summary>The problem in one line.</summary>
    public override string ToString() => Path.Length == 0 ? $"{Value}: {Change}" : $"{Path} is {Value}: {Change}";
}

/// <summary>A price file that can't be used, with everything that is wrong in it.</summary>
public sealed class PriceListException : Exception
{
    internal PriceListException(string file, IReadOnlyList<PriceProblem> problems)
        : base(Describe(file, problems)) => Problems = problems;

    /// <summary>Every problem, in the file's order.</summary>
    public IReadOnlyList<PriceProblem> Problems { get; }

    private static string Describe(string file, IReadOnlyList<PriceProblem> problems)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"The price file {file} has {problems.Count} problem(s):");
        foreach (var problem in problems)
        {
            text.Append('\n').Append("  ").Append(problem);
        }

        return text.ToString();
    }
}
