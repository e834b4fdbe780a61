namespace Tollgate.Cli;

/// <summary>What <c>tollgate</c> exits with; scripts rely on it.</summary>
internal static class ExitCodes
{
    /// <summary>Done.</summary>
    public const int Done = 0;

    /// <summary>Used rightly, and failed.</summary>
    public const int Failed = 1;

    /// <summary>Used wrongly, or with a wrong configuration.</summary>
    public const int WrongUse = 2;
}
