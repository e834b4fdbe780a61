using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Tollgate.EndToEnd.Alerts;
using Tollgate.Testing.Upstream;

namespace Tollgate.EndToEnd;

/// <summary>An alert reaches a person: the live gateway, its own rules, a real Prometheus, a real Alertmanager.</summary>
public sealed partial class AlertmanagerTests
{
    private const string RunawaySession = "0c9f4a52-1d0e-4b43-9c7e-6a1f4a2b8d11";
    private const string QuietSession = "7f1e52aa-90b3-4c1d-8e55-1b2c3d4e5f60";
    private const double Threshold = 5;

    // 40,000 tokens of output at $25 a million.
    private const decimal CallCost = 1;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_runaway_session_is_told_of_by_id_and_dollars_within_two_evaluations_and_a_dead_gateway_too()
    {
        Assert.SkipUnless(AlertPath.IsInstalled, "Prometheus or its Alertmanager is not installed; apt-get install prometheus prometheus-alertmanager.");
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("ok") with { Usage = static _ => new TokenFigures(0, 0, 0, 0, 40_000) });
        var made = JsonNode.Parse(await GatewayProcess.RunVerbAsync(
            Cancellation, "keys", "create", "--id", "alicekey", "--developer", "alice", "--team", "search", "--project", "acme-api", "--json"))!;
        using var directory = new TemporaryDirectory();
        await using var gateway = await GatewayProcess.StartAsync(
            upstream.BaseUrl,
            configure: configuration =>
            {
                configuration["keys"] = new JsonArray(made["entry"]!.DeepClone());
                configuration["alerts"] = new JsonObject { ["sessionUsd"] = Threshold, ["pending"] = "00:00:00" };
            },
            directory: directory);
        var rules = Path.Combine(directory.Path, "rules.yml");
        await GatewayProcess.RunVerbAsync(Cancellation, "alerts", "render", "--config", Path.Combine(directory.Path, "tollgate.json"), "--output", rules);
        await using var path = await AlertPath.StartAsync(gateway.AdminAddress, rules, Cancellation);

        var key = made["key"]!.GetValue<string>();
        using var runaway = new MessageClient(key, RunawaySession);
        using var quiet = new MessageClient(key, QuietSession);
        await CallAsync(gateway, runaway, 5);
        await CallAsync(gateway, quiet, 3);

        // As dear as it may be: two evaluations later nobody was told.
        var series = $"tollgate_session_spent_usd{{session_id=\"{RunawaySession}\"}}";
        await path.SamplesUntilAsync(series, static samples => samples.Count(static sample => sample.Value is Threshold) > 2, Cancellation);
        Assert.DoesNotContain(path.Receiver.Unread(), static told => told.Name == "TollgateSessionBurning");

        await CallAsync(gateway, runaway, 10);
        var answered = TimeProvider.System.GetUtcNow();
        var told = await path.NextAsync("TollgateSessionBurning", DateTimeOffset.MinValue, Cancellation);
        var samples = await path.SamplesUntilAsync(series, static samples => samples[^1].Value is 15, Cancellation);
        var passed = samples.First(static sample => sample.Value > Threshold);

        Assert.Equal(RunawaySession, told.Labels["session_id"]);
        Assert.Equal(("alicekey", "search", "critical"), (told.Labels["key_id"], told.Labels["team"], told.Labels["severity"]));
        Assert.Contains($"Session {RunawaySession} of key", told.Summary, StringComparison.Ordinal);
        Assert.EndsWith(" in 10 minutes, more than $5.", told.Summary, StringComparison.Ordinal);
        var dollars = double.Parse(Dollars().Match(told.Summary).Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.Contains(samples, sample => sample.Value == dollars && sample.Value > Threshold);

        var seen = samples.Count(sample => sample.Value > Threshold && sample.At < Seconds(told.StartsAt));
        var (evaluated, arrived) = (Seconds(told.StartsAt) - passed.At, Seconds(told.ArrivedAt) - passed.At);
        TestContext.Current.TestOutputHelper!.WriteLine($"The figure was {passed.Value} at its scrape; {evaluated:F3} s later the alert fired, {arrived:F3} s later the webhook came, {(told.ArrivedAt - answered).TotalSeconds:F3} s after the last answer: {told.Summary}");

        // Scrapes are as frequent as evaluations, and wait with them when the machine is busy: so they are counted, not seconds.
        Assert.True(evaluated >= 0, told.Summary);
        Assert.InRange(seen, 0, 2);

        // The figure is the ledger's.
        var rows = await gateway.RowsAsync("anthropic", 18, Cancellation);
        Assert.Equal(15 * CallCost, rows.Where(static row => row.SessionId == RunawaySession).Sum(static row => row.Cost));
        Assert.DoesNotContain(path.Receiver.Unread(), static told => told.Labels.GetValueOrDefault("session_id") == QuietSession);

        var killed = TimeProvider.System.GetUtcNow();
        await gateway.KillAsync();
        var absent = await path.NextAsync("TollgateGatewayAbsent", killed, Cancellation);
        TestContext.Current.TestOutputHelper!.WriteLine($"{(absent.ArrivedAt - killed).TotalSeconds:F3} s after the kill: {absent.Summary}");
    }

    private static async Task CallAsync(GatewayProcess gateway, MessageClient client, int calls)
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, calls).Select(_ => client.CallAsync(gateway.ProxyAddress + "/anthropic", Cancellation, "claude-opus-5")));
        Assert.All(answers, static answer => Assert.True(answer.IsWholeStream, answer.Text));
    }

    private static double Seconds(DateTimeOffset at) => (at - DateTimeOffset.UnixEpoch).TotalSeconds;

    [GeneratedRegex(@"spent \$([0-9.]+) in")]
    private static partial Regex Dollars();
}
