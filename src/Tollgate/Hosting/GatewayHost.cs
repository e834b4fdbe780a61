using Tollgate.Configuration;

namespace Tollgate.Hosting;

/// <summary>Runs the gateway with a valid configuration until it is told to stop.</summary>
internal static class GatewayHost
{
    /// <summary>Runs it. Returns the process's exit code.</summary>
    /// <param name="configuration">What was read; valid.</param>
    /// <param name="cancellation">Cancelled by SIGINT and SIGTERM.</param>
    public static Task<int> RunAsync(ConfigurationResult configuration, CancellationToken cancellation) =>
        throw new NotSupportedException("The data path is not part of this build.");
}
