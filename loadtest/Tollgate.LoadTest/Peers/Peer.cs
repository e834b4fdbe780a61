using System.Globalization;
using Tollgate.LoadTest.Measuring;

namespace Tollgate.LoadTest.Peers;

/// <summary>Something between the generator and the upstream, or nothing: <c>direct</c>.</summary>
/// <param name="name">As on the command line.</param>
/// <param name="version">What it says it is.</param>
/// <param name="port">Where it listens, on loopback.</param>
/// <param name="process">The process at the root of its tree; null for <c>direct</c>.</param>
/// <param name="owned">Ended with it.</param>
internal sealed class Peer(string name, string version, int port, int? process, IAsyncDisposable? owned) : IAsyncDisposable
{
    /// <summary>As on the command line.</summary>
    public string Name => name;

    /// <summary>What it says it is.</summary>
    public string Version => version;

    /// <summary>Where it listens.</summary>
    public int Port => port;

    /// <summary>The clients' credentials, by turns.</summary>
    public IReadOnlyList<string> Keys { get; init; } = ["sk-ant-loadtest"];

    /// <summary>The gateway behind the name; null for all others.</summary>
    public GatewayProcess? Gateway => owned as GatewayProcess;

    /// <summary>Answers that it gave in all.</summary>
    public long Answers { get; set; }

    /// <summary>Its processes as they are now.</summary>
    public IReadOnlyList<int> Processes() => process is { } root ? ProcessTree.Of(root) : [];

    /// <summary>Those of them that relay: the gateway alone, without its store; every worker of another proxy.</summary>
    public IReadOnlyList<int> Relaying() => Gateway is { } gateway ? [gateway.Id] : Processes();

    /// <summary>The processes of a gateway's store; none of others.</summary>
    public IReadOnlyList<int> Store() => Gateway is { } gateway ? [.. Processes().Where(id => id != gateway.Id)] : [];

    /// <summary>The relaying processes' resident memory now, MiB.</summary>
    public double ResidentMebibytes() => ProcessTree.ResidentBytes(Relaying()) / 1024.0 / 1024.0;

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{name} ({version})");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (owned is not null)
        {
            await owned.DisposeAsync();
        }
    }
}
