using Tollgate.Configuration;

namespace Tollgate.Cli.Report;

/// <summary>What the two streams lead to, as far as it decides how a report looks.</summary>
/// <param name="IsOutput">Whether the report goes to a terminal.</param>
/// <param name="IsError">Whether messages go to one.</param>
/// <param name="Width">Columns of the terminal; null when it is none, or does not say.</param>
/// <param name="UsesStyle">Whether escape sequences may be sent: a terminal, not a dumb one, and <c>NO_COLOR</c> is not set.</param>
internal sealed record Terminal(bool IsOutput, bool IsError, int? Width, bool UsesStyle)
{
    /// <summary>No terminal: a file or a pipe.</summary>
    public static Terminal None { get; } = new(false, false, null, false);

    /// <summary>Looks at this process's streams; writers that are not the console's lead to no terminal.</summary>
    public static Terminal Of(TextWriter output, TextWriter error, ConfigurationLoader loader)
    {
        var isOutput = ReferenceEquals(output, Console.Out) && !Console.IsOutputRedirected;
        return new Terminal(
            isOutput,
            ReferenceEquals(error, Console.Error) && !Console.IsErrorRedirected,
            isOutput ? ReadWidth() : null,
            isOutput && loader.Variable("NO_COLOR") is null or "" && loader.Variable("TERM") is not "dumb");
    }

    private static int? ReadWidth()
    {
        try
        {
            return Console.WindowWidth is > 0 and var width ? width : null;
        }
        catch (IOException)
        {
            return null;
        }
    }
}
