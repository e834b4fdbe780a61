using System.Runtime.CompilerServices;
using System.Text;
using BenchmarkDotNet.Attributes;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.Benchmarks.Gate;
using Tollgate.Benchmarks.Ingress;
using Tollgate.Benchmarks.Recording;
using Tollgate.Benchmarks.Scanning;
using Tollgate.Proxy;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Forwarding;
using Tollgate.Proxy.Keys;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;

namespace Tollgate.Benchmarks;

/// <summary>What Tollgate's own code does for one request, from its head to its metrics, with everything on and no socket on either side.</summary>
/// <remarks>
/// On: 20 virtual keys, five budgets (two of them strict, so that the whole body is read), two rate limits, budget headers, three writes of the row,
/// metrics. Off: the spool's disk, which has benchmarks of its own. Client and upstream are fakes that allocate nothing worth counting and answer at once.
/// </remarks>
[MemoryDiagnoser]
public class RequestPathBenchmarks
{
    private Exchange _small = null!;
    private Exchange _relayed = null!;
    private Exchange _turn = null!;

    [GlobalSetup]
    public void Start()
    {
        const string SmallAnswer = "{\"id\":\"msg_01Whole\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-opus-4-8\",\"content\":[{\"type\":\"text\",\"text\":\"Hello\"}],"
            + "\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":12,\"cache_read_input_tokens\":400,\"output_tokens\":6}}";
        var small = Encoding.UTF8.GetBytes("""{"model":"claude-opus-4-8","max_tokens":64,"messages":[{"role":"user","content":"hi"}]}""");
        _small = new Exchange(small, "application/json", [Encoding.UTF8.GetBytes(SmallAnswer)]);
        _relayed = new Exchange(small, "application/json", [Encoding.UTF8.GetBytes(SmallAnswer)], hasEverything: false);

        var events = SampleAnswers.Answer(40, "twenty bytes of text");
        _turn = new Exchange(SampleBodies.Make(BodySize.Turn), "text/event-stream; charset=utf-8", SampleAnswers.Cut(events, (events.Length + 3) / 4));
    }

    /// <summary>A hundred bytes each way.</summary>
    [Benchmark(Baseline = true)]
    [Allocates(2_368)]
    public Task SmallJson() => _small.RunAsync();

    /// <summary>The same without budgets, limits and rows: what relaying, metering and metrics come to.</summary>
    [Benchmark]
    [Allocates(1_664)]
    public Task SmallJsonRelayed() => _relayed.RunAsync();

    /// <summary>90 KB as Claude Code sends it, and a stream of 40 pieces of text in four reads.</summary>
    [Benchmark]
    [Allocates(2_368)]
    public Task TurnOf40Events() => _turn.RunAsync();

    /// <summary>A gateway with one client and one upstream, all in memory.</summary>
    private sealed class Exchange
    {
        private readonly MemoryConnection _connection;
        private readonly RequestPath _path;
        private readonly long _answerBytes;

        public Exchange(byte[] body, string contentType, ReadOnlyMemory<byte>[] answer, bool hasEverything = true)
        {
            var key = VirtualKeyFormat.Create("alice01");
            var keys = Enumerable.Range(0, 19).Select(static i => new KeyOptions { Id = $"key{i:D5}", Hash = VirtualKeyFormat.HashText($"{i}"), Team = "search" })
                .Append(new KeyOptions { Id = "alice01", Name = "Alice's", Developer = "alice", Team = "search", Project = "ranking", Customer = "acme", Hash = VirtualKeyFormat.HashText(key) });
            var options = new TollgateOptions
            {
                RequireKey = true,
                Keys = [.. keys],
                Upstreams = new Dictionary<string, UpstreamOptions> { ["anthropic"] = new() { BaseUrl = "https://api.anthropic.com", ApiKey = "sk-ant-api03-0000000000000000000000" } },
            };
            var upstream = new Upstream("anthropic", options.Upstreams["anthropic"], new MemoryUpstream(contentType, answer));
            var world = MakeWorld(options, PriceList.Embedded, new Dictionary<string, Upstream> { ["anthropic"] = upstream });
            var book = new AdmissionBook(TimeProvider.System, tail: null);
            if (hasEverything)
            {
                Restrict(book);
            }

            var events = new GatewayEvents(new GatewayMetrics(options.Metrics), NullLogger<GatewayEvents>.Instance);
            _path = new RequestPath(new WorldHolder(world), hasEverything ? new MemoryRecorder() : null, new UsageRowPool(64), book, events, TimeProvider.System, "4f1b9c3a7d20", CancellationToken.None);
            _connection = new MemoryConnection("/v1/messages?beta=true", Headers(key), body);
            _answerBytes = answer.Sum(static read => read.Length);
        }

        public async Task RunAsync()
        {
            _connection.Rewind();
            await _path.InvokeAsync(_connection.Context);
            if (_connection.StatusCode != 200 || _connection.Sent != _answerBytes)
            {
                throw new InvalidOperationException($"It was answered with {_connection.StatusCode} and {_connection.Sent} of {_answerBytes} bytes.");
            }
        }

        private static void Restrict(AdmissionBook book)
        {
            var limit = new Nanodollars(4_000_000_000_000_000_000); // More than all rounds spend.
            book.Apply(
                [
                    new() { Id = "all-month", LimitUsd = limit, Mode = BudgetMode.Strict },
                    new() { Id = "all-5h", LimitUsd = limit, Window = "5h" },
                    new() { Id = "team-month", Scope = ScopeKind.Team, Value = "*", LimitUsd = limit },
                    new() { Id = "key-month", Scope = ScopeKind.Key, Value = "*", LimitUsd = limit, Mode = BudgetMode.Strict },
                    new() { Id = "key-ever", Scope = ScopeKind.Key, Value = "*", LimitTokens = long.MaxValue, Window = "lifetime" },
                ],
                [
                    new() { Id = "requests", Scope = ScopeKind.Key, Value = "*", Limit = 1_000_000_000_000 },
                    new() { Id = "tokens", Scope = ScopeKind.Team, Value = "*", Metric = LimitMetric.Tokens, Limit = 1_000_000_000_000, Per = TimeSpan.FromSeconds(1) },
                ]);
        }

        private static HeaderDictionary Headers(string key) => new()
        {
            ["Accept"] = "application/json",
            ["Authorization"] = $"Bearer {key}",
            ["Content-Type"] = "application/json",
            ["User-Agent"] = "claude-cli/2.1.330 (external, cli)",
            ["anthropic-version"] = "2023-06-01",
            ["anthropic-beta"] = "claude-code-20250219,interleaved-thinking-2025-05-14",
            ["x-app"] = "cli",
            ["x-claude-code-session-id"] = "6a1f6a2e-57b1-4f5a-9d27-1f5a0f4b7a11",
        };

        // The gateway chooses a transport by the options and has no reason to let one be handed in.
        [UnsafeAccessor(UnsafeAccessorKind.Constructor)]
        private static extern World MakeWorld(TollgateOptions options, PriceList prices, IReadOnlyDictionary<string, Upstream> upstreams);
    }
}
