using System.Globalization;
using System.Text.Json.Nodes;
using Tollgate.Proxy.Keys;

namespace Tollgate.LoadTest.Peers;

/// <summary>Tollgate as it is built, with as much switched on as the scenario asks.</summary>
internal static class TollgatePeer
{
    // Twenty developers in four teams: enough for every kind of budget to have several windows open.
    private const int Keys = 20;
    private const int Teams = 4;

    /// <summary>Starts it and waits until it and its store are ready.</summary>
    /// <param name="name">What it is called.</param>
    /// <param name="upstreamPort">Where the upstream listens.</param>
    /// <param name="setup">How much is switched on.</param>
    /// <param name="certificate">With it, both sides speak TLS.</param>
    /// <param name="onPlatform">Whether .NET's sockets serve the clients and .NET's client carries requests, instead of event loops and connections of its own.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<Peer> StartAsync(string name, int upstreamPort, GatewaySetup setup, LoopbackCertificate? certificate, bool onPlatform, CancellationToken cancellationToken)
    {
        var upstream = $"{(certificate is null ? "http" : "https")}://127.0.0.1:{upstreamPort}";
        var isAllOn = setup == GatewaySetup.Everything;
        var keys = isAllOn ? Enumerable.Range(0, Keys).Select(static number => VirtualKeyFormat.Create(Id(number))).ToArray() : ["sk-ant-loadtest"];
        var gateway = await GatewayProcess.StartAsync(upstream, embeddedStore: isAllOn, configure: Configure, cancellationToken: cancellationToken);
        return Describe(name, gateway, keys, $"{(isAllOn ? "everything on" : "relay and metering")}{(onPlatform ? ", on .NET's sockets and client" : string.Empty)}");

        void Configure(JsonObject configuration)
        {
            if (isAllOn)
            {
                SwitchOn(configuration, keys);
            }

            SpeakTls(configuration, certificate);
            if (onPlatform)
            {
                configuration["proxy"]!["transport"] = "sockets";
                configuration["upstreams"]!["anthropic"]!["transport"] = "client";
            }
        }
    }

    private static Peer Describe(string name, GatewayProcess gateway, IReadOnlyList<string> keys, string setup) =>
        new(name, setup, new Uri(gateway.ProxyAddress).Port, gateway.Id, gateway) { Keys = keys };

    private static void SpeakTls(JsonObject configuration, LoopbackCertificate? certificate)
    {
        if (certificate is not null)
        {
            var listen = configuration["proxy"]!["listen"]![0]!.GetValue<string>();
            configuration["proxy"]!["listen"] = new JsonArray(listen.Replace("http://", "https://", StringComparison.Ordinal));
            configuration["proxy"]!["certificate"] = new JsonObject { ["path"] = certificate.Certificate, ["keyPath"] = certificate.Key };
        }
    }

    private static string Id(int number) => string.Create(CultureInfo.InvariantCulture, $"load{number:D2}");

    private static void SwitchOn(JsonObject configuration, IReadOnlyList<string> keys)
    {
        configuration["requireKey"] = true;
        configuration["upstreams"]!["anthropic"]!["apiKey"] = "sk-ant-loadtest";
        configuration["keys"] = new JsonArray([.. keys.Select(static (key, number) => new JsonObject
        {
            ["id"] = Id(number),
            ["hash"] = VirtualKeyFormat.HashText(key),
            ["developer"] = Id(number),
            ["team"] = $"team-{number % Teams}",
            ["project"] = $"project-{number % 3}",
        })]);

        // None is ever reached: a refusal would be cheaper than an answer.
        configuration["budgets"] = new JsonArray(
            new JsonObject { ["id"] = "all", ["scope"] = "everything", ["limitUsd"] = 100_000_000, ["window"] = "month", ["mode"] = "expected" },
            new JsonObject { ["id"] = "team", ["scope"] = "team", ["value"] = "*", ["limitUsd"] = 100_000_000, ["window"] = "week", ["mode"] = "expected" },
            new JsonObject { ["id"] = "key", ["scope"] = "key", ["value"] = "*", ["limitUsd"] = 100_000_000, ["window"] = "5h", ["mode"] = "expected" });
        configuration["limits"] = new JsonArray(
            new JsonObject { ["id"] = "requests", ["scope"] = "key", ["value"] = "*", ["metric"] = "requests", ["limit"] = 100_000_000 },
            new JsonObject { ["id"] = "input", ["scope"] = "team", ["value"] = "*", ["metric"] = "input", ["limit"] = 1_000_000_000_000 },
            new JsonObject { ["id"] = "streams", ["scope"] = "everything", ["metric"] = "streams", ["limit"] = 1_000_000 });

        // The test default is a short one; this is the product's.
        configuration["recording"] = new JsonObject();
    }
}
