namespace Tollgate.Demo.Team;

/// <summary>A developer's session from its start to its end.</summary>
/// <param name="Developer">Whose it is.</param>
/// <param name="Project">What is worked on.</param>
/// <param name="Id">As in <c>x-claude-code-session-id</c>.</param>
/// <param name="Start">When its first call is sent.</param>
/// <param name="Calls">Its attempts, in order of sending.</param>
internal sealed record Session(Developer Developer, string Project, Guid Id, DateTimeOffset Start, IReadOnlyList<PlannedCall> Calls)
{
    /// <summary>It goes round in circles.</summary>
    public bool IsRunaway { get; init; }
}
