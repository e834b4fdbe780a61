using System.Text.Json.Nodes;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>An upstream of its own behind a gateway that others share; its rows are told apart by its name.</summary>
/// <param name="Name">The upstream's name in the configuration: the rows' <c>provider</c>.</param>
/// <param name="Upstream">Answers; fresh, so that its replies count from 1.</param>
/// <param name="BaseUrl">Where a client reaches it through the gateway.</param>
internal sealed record Lane(string Name, FakeUpstream Upstream, string BaseUrl);

/// <summary>One gateway with its store for all tests of a class, and a fresh upstream for each of them.</summary>
/// <remarks>Starting the engine takes seconds, a fake upstream milliseconds: so the gateway is shared and the upstreams are not.</remarks>
public sealed class LedgerGateway : IAsyncLifetime
{
    private const int LaneCount = 24;

    private readonly List<FakeUpstream> _upstreams = [];
    private GatewayProcess? _process;
    private int _lanes;

    /// <summary>The gateway.</summary>
    internal GatewayProcess Process => _process ?? throw new InvalidOperationException("The gateway has not been started.");

    /// <summary>An upstream that no test has used yet.</summary>
    internal Lane NextLane()
    {
        var index = Interlocked.Increment(ref _lanes) - 1;
        return new Lane(Name(index), _upstreams[index], $"{Process.ProxyAddress}/{Name(index)}");
    }

    /// <inheritdoc/>
    public async ValueTask InitializeAsync()
    {
        for (var index = 0; index < LaneCount; index++)
        {
            _upstreams.Add(await FakeUpstream.StartAsync());
        }

        _process = await GatewayProcess.StartAsync(_upstreams[0].BaseUrl, configure: configuration =>
        {
            var upstreams = (JsonObject)configuration["upstreams"]!;
            for (var index = 0; index < LaneCount; index++)
            {
                upstreams[Name(index)] = new JsonObject { ["dialect"] = "anthropic", ["baseUrl"] = _upstreams[index].BaseUrl };
            }
        });
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        foreach (var upstream in _upstreams)
        {
            await upstream.DisposeAsync();
        }
    }

    private static string Name(int index) => $"lane{index}";
}
