namespace Tollgate.Hosting;

/// <summary>What happens to the embedded store, one method and one log id each: 8100 to 8199.</summary>
internal static partial class StoreEvents
{
    [LoggerMessage(8101, LogLevel.Information, "The embedded store was started as process {Pid} on {Address}")]
    public static partial void Started(ILogger logger, int pid, string address);

    [LoggerMessage(8102, LogLevel.Information, "The embedded store is ready after {Milliseconds:F0} ms")]
    public static partial void Ready(ILogger logger, double milliseconds);

    [LoggerMessage(8103, LogLevel.Error, "The embedded store (process {Pid}) ended by itself with exit code {ExitCode}; rows wait until it is back")]
    public static partial void Ended(ILogger logger, int pid, int exitCode);

    [LoggerMessage(8104, LogLevel.Error, "The embedded store (process {Pid}) left {Count} pings in a row unanswered and is stopped; rows wait until it is back")]
    public static partial void Unresponsive(ILogger logger, int pid, int count);

    [LoggerMessage(8105, LogLevel.Warning, "The embedded store is started again in {Seconds:F1} s")]
    public static partial void Restarting(ILogger logger, double seconds);

    [LoggerMessage(8106, LogLevel.Information, "The embedded store (process {Pid}) was stopped")]
    public static partial void Stopped(ILogger logger, int pid);

    [LoggerMessage(8107, LogLevel.Warning, "The embedded store (process {Pid}) did not end within {Seconds:F0} s and is killed")]
    public static partial void Killed(ILogger logger, int pid, double seconds);

    [LoggerMessage(8108, LogLevel.Error, "{Reason}")]
    public static partial void Unavailable(ILogger logger, string reason);

    [LoggerMessage(8109, LogLevel.Information, "store: {Line}")]
    public static partial void Output(ILogger logger, string line);
}
