using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using Tollgate.Testing.Gateway;

namespace Tollgate.Testing.Soak;

/// <summary>A gateway and its store that are killed and started again, always in the same place.</summary>
internal sealed class SoakedGateway : IAsyncDisposable
{
    private static readonly TimeSpan StoreLimit = TimeSpan.FromMinutes(3);

    private readonly TemporaryDirectory _directory;
    private readonly GatewayProcess _gateway;
    private readonly StoreProcess? _store;
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromMinutes(5) };

    private SoakedGateway(TemporaryDirectory directory, GatewayProcess gateway, StoreProcess? store)
    {
        _directory = directory;
        _gateway = gateway;
        _store = store;
    }

    /// <summary>Where clients connect.</summary>
    public Uri Address => new(_gateway.ProxyAddress);

    /// <summary>Where everything is kept.</summary>
    public string Directory => _directory.Path;

    /// <summary>What the gateway printed last.</summary>
    public string Output => _gateway.Output;

    /// <summary>Whether the directory is left where it is.</summary>
    public bool KeepsDirectory { get; set; }

    /// <summary>Starts both.</summary>
    public static async Task<SoakedGateway> StartAsync(string upstream, SoakStore mode, CancellationToken cancellationToken)
    {
        var directory = new TemporaryDirectory();
        StoreProcess? store = null;
        try
        {
            store = mode == SoakStore.Server ? await StoreProcess.StartAsync(directory.Subdirectory("store")) : null;
            var gateway = await GatewayProcess.StartAsync(upstream, configure: RetrySoon, directory: directory, store: store?.Address, cancellationToken: cancellationToken);
            return new SoakedGateway(directory, gateway, store);
        }
        catch
        {
            if (store is not null)
            {
                await store.DisposeAsync();
            }

            throw;
        }
    }

    /// <summary>Kills and, where the gateway was killed, starts again.</summary>
    /// <param name="victim">What to kill.</param>
    /// <param name="storeFirst">Of both, the store first.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>From the kill until the gateway serves again; null when it was spared.</returns>
    public async Task<TimeSpan?> KillAsync(Victim victim, bool storeFirst, CancellationToken cancellationToken)
    {
        // Looked up before the gateway is gone: afterwards nobody knows whose it is.
        var store = victim == Victim.Gateway ? 0 : await FindStoreAsync(cancellationToken);
        var killed = Stopwatch.GetTimestamp();
        if (victim != Victim.Gateway && (storeFirst || victim == Victim.Store))
        {
            KillStore(store);
        }

        if (victim != Victim.Store)
        {
            await _gateway.KillAsync();
        }

        if (victim == Victim.Both && !storeFirst)
        {
            KillStore(store);
        }

        var storeIsBack = victim != Victim.Gateway && _store is not null ? _store.RestartAsync() : Task.CompletedTask;
        if (victim != Victim.Store)
        {
            await _gateway.RestartAsync(GatewayProcess.Serving, cancellationToken);
        }

        var took = Stopwatch.GetElapsedTime(killed);
        await storeIsBack;
        return victim == Victim.Store ? null : took;
    }

    /// <summary>Starts both again, whatever runs or does not: a Ctrl-C reaches them too.</summary>
    public async Task StartAgainAsync()
    {
        await _gateway.KillAsync();
        if (_store is not null)
        {
            _store.Kill();
            await _store.RestartAsync();
        }

        await _gateway.RestartAsync();
    }

    /// <summary>The lines that a query answers, while the store answers.</summary>
    /// <exception cref="HttpRequestException">The store is away, or refused.</exception>
    public async IAsyncEnumerable<string> LinesAsync(string sql, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_gateway.StoreAddress + "/")) { Content = new StringContent(sql) };
        using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (!response.IsSuccessStatusCode)
        {
            throw new HttpRequestException($"{(int)response.StatusCode} for {sql}: {await response.Content.ReadAsStringAsync(cancellationToken)}");
        }

        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        while (await reader.ReadLineAsync(cancellationToken) is { } line)
        {
            yield return line;
        }
    }

    /// <summary>The one line that a query answers, asked again while the store is away.</summary>
    public async Task<string> LineAsync(string sql, CancellationToken cancellationToken) =>
        (await _gateway.QueryUntilAsync(sql, static _ => true, Ledger.Patience, cancellationToken)).TrimEnd('\n');

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _gateway.DisposeAsync();
        if (_store is not null)
        {
            await _store.DisposeAsync();
        }

        _http.Dispose();
        if (!KeepsDirectory)
        {
            _directory.Dispose();
        }
    }

    /// <summary>The store that runs now, or will in a moment: it may have been killed just before.</summary>
    private async Task<int> FindStoreAsync(CancellationToken cancellationToken)
    {
        if (_store is not null)
        {
            return _store.ProcessId;
        }

        int? found = null;
        await Until.TrueAsync(() => (found = OwnProcesses.StoreOf(_gateway)) is not null, StoreLimit, "the gateway starts its store again", cancellationToken);
        return found!.Value;
    }

    private void KillStore(int id)
    {
        if (_store is not null)
        {
            _store.Kill();
            return;
        }

        try
        {
            using var store = Process.GetProcessById(id);
            store.Kill();
        }
        catch (ArgumentException)
        {
            // It ended by itself, as a store does whose gateway was just killed.
        }
    }

    /// <summary>No soak waits ten seconds for a store that is back.</summary>
    private static void RetrySoon(JsonObject configuration) => configuration["recording"]!["maxRetryInterval"] = "00:00:01";
}
