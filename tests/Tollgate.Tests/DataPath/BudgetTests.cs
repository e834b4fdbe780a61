using System.Net;
using System.Text;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Keys;
using Tollgate.Testing.Gateway;
using Tollgate.Testing.Upstream;

namespace Tollgate.Tests.DataPath;

/// <summary>Budgets and limits on the whole path: what is let in, what the refused are told, and that budgets say what the rows say.</summary>
public sealed class BudgetTests
{
    private static readonly string Key = VirtualKeyFormat.Create("alice01");

    // What the fake upstream's answer costs.
    private static readonly Nanodollars OneAnswer = Nanodollars.FromDollars(0.0755925m);

    [Fact]
    public async Task A_budget_says_to_the_nano_dollar_what_the_rows_say()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream, budgets: [Team(5m)]);
        var spent = 0L;
        for (var i = 0; i < 3; i++)
        {
            using var response = await PostAsync(gateway);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            Assert.Equal("search-daily", response.Headers.GetValues("x-tollgate-budget").Single());
            await response.Content.ReadAsByteArrayAsync();
            spent += (await gateway.NextRowAsync()).Cost.Total.Value;
        }

        Assert.InRange(spent, OneAnswer.Value * 3, long.MaxValue);
        await NothingHeldAsync(gateway);
        var state = Assert.Single(gateway.Book.Budgets());
        Assert.Equal((spent, "search"), (state.Spent, state.Value));
    }

    [Fact]
    public async Task A_thousand_requests_at_once_at_a_strict_budget_for_ten_are_ten()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("x") with { Delivery = Delivery.StallAfter(2) });

        // A body of 103 bytes that may cost $0.00783 at most.
        await using var probe = await StartAsync(upstream, budgets: [Team(1000m, BudgetMode.Strict)]);
        using var leaving = new CancellationTokenSource();
        using var first = await PostAsync(probe);
        var bound = Assert.Single(probe.Book.Budgets()).Held;
        Assert.InRange(bound, 1, OneAnswer.Value);
        first.Dispose();
        await probe.NextRowAsync();

        await using var gateway = await StartAsync(upstream, budgets: [Team(new Nanodollars((bound * 10) + (bound / 2)).ToDollars(), BudgetMode.Strict)]);
        gateway.Client.DefaultRequestHeaders.ConnectionClose = true;
        var answers = await Task.WhenAll(Enumerable.Range(0, 1_000).Select(_ => PostAsync(gateway)));
        Assert.Equal(10, answers.Count(static answer => answer.StatusCode == HttpStatusCode.OK));
        Assert.Equal(990, answers.Count(static answer => answer.StatusCode == HttpStatusCode.TooManyRequests));
        Assert.Equal(11, upstream.MessageRequests.Count);
        Assert.Equal(bound * 10, Assert.Single(gateway.Book.Budgets()).Held);
        Array.ForEach(answers, static answer => answer.Dispose());
        for (var i = 0; i < 1_000; i++)
        {
            await gateway.NextRowAsync();
        }

        await NothingHeldAsync(gateway);
    }

    [Fact]
    public async Task A_spent_budget_tells_the_client_to_stop_and_says_which_how_much_until_when_and_whom_to_ask()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream, budgets: [Team(0.07m) with { TimeZone = "Europe/Berlin", Contact = "#ai-budget" }]);
        using var last = await PostAsync(gateway);
        await last.Content.ReadAsByteArrayAsync();
        await gateway.NextRowAsync();

        using var refused = await PostAsync(gateway);
        var message = await OwnAnswer.AssertAsync(refused, HttpStatusCode.TooManyRequests, "billing_error", shouldRetry: false);
        Assert.StartsWith("Budget \"search-daily\" (team search) is spent: $0.0756 of $0.07. It resets ", message, StringComparison.Ordinal);
        Assert.EndsWith(" 00:00 Europe/Berlin. Ask #ai-budget.", message, StringComparison.Ordinal);
        Assert.InRange(int.Parse(refused.Headers.GetValues("retry-after").Single(), System.Globalization.CultureInfo.InvariantCulture), 1, 25 * 3600);
        Assert.Equal("rejected", refused.Headers.GetValues("anthropic-ratelimit-unified-status").Single());
        Assert.Equal("daily", refused.Headers.GetValues("anthropic-ratelimit-unified-overage-period").Single());
        Assert.Single(upstream.MessageRequests);
        var row = await gateway.NextRowAsync();
        Assert.Equal((ForwardOutcome.Refused, 429, Nanodollars.Zero), (row.Outcome, row.HttpStatus, row.Cost.Total));
    }

    [Theory]
    [InlineData("count_tokens")]
    [InlineData("models")]
    [InlineData("head")]
    public async Task What_costs_nothing_needs_no_budget(string what)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream, budgets: [Team(0m, BudgetMode.Strict)]);
        using var request = what switch
        {
            "count_tokens" => new HttpRequestMessage(HttpMethod.Post, "/v1/messages/count_tokens") { Content = GatewayInProcess.Body() },
            "models" => new HttpRequestMessage(HttpMethod.Get, "/v1/models"),
            _ => new HttpRequestMessage(HttpMethod.Head, "/"),
        };
        request.Headers.Add("x-api-key", Key);
        using var response = await gateway.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
    }

    [Fact]
    public async Task A_batch_whose_cost_nobody_sees_does_not_get_past_a_strict_budget()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream, budgets: [Team(5m, BudgetMode.Strict)]);
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/messages/batches") { Content = GatewayInProcess.Body() };
        request.Headers.Add("x-api-key", Key);
        using var response = await gateway.Client.SendAsync(request);
        Assert.Contains("batch", await OwnAnswer.AssertAsync(response, HttpStatusCode.TooManyRequests, "billing_error", shouldRetry: false), StringComparison.Ordinal);
        Assert.Empty(upstream.Requests);
    }

    [Theory]
    [InlineData("/v1/messages/batches", BudgetMode.Expected)]
    [InlineData("/v1/messages/batches/", BudgetMode.Expected)]
    [InlineData("/v1/chat/completions", BudgetMode.Expected)]
    [InlineData("/v1/complete", BudgetMode.Strict)]
    public async Task What_no_row_will_tell_of_passes_no_budget_that_holds(string path, BudgetMode mode)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream, budgets: [Team(5m, mode)]);
        using var response = await SendAsync(gateway, path);
        await OwnAnswer.AssertAsync(response, HttpStatusCode.TooManyRequests, "billing_error", shouldRetry: false);
        Assert.Empty(upstream.Requests);
    }

    [Theory]
    [InlineData("/v1/messages/batches", HttpStatusCode.Forbidden)]
    [InlineData("/v1/%6dessages", HttpStatusCode.BadRequest)]
    [InlineData("/anthropic//v1/messages", HttpStatusCode.BadRequest)]
    [InlineData("/v1/messages/", HttpStatusCode.Forbidden)]
    public async Task No_other_way_leads_around_a_keys_models(string path, HttpStatusCode status)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream, change: static key => key with { AllowedModels = ["claude-haiku-*"] });
        using var response = await SendAsync(gateway, path);
        Assert.Equal(status, response.StatusCode);
        Assert.Empty(upstream.Requests);
    }

    [Theory]
    [InlineData("""{"mod\u0065l":"claude-opus-4-8","max_tokens":64,"messages":[]}""", HttpStatusCode.TooManyRequests)]
    [InlineData("""{"model":"claude-haiku-4-5","model":"claude-opus-4-8","max_tokens":64,"messages":[]}""", HttpStatusCode.BadRequest)]
    [InlineData("""{"max_tokens":64,"messages":[]}""", HttpStatusCode.BadRequest)]
    public async Task A_model_that_is_hidden_or_told_twice_passes_no_budget_for_a_model(string body, HttpStatusCode status)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(
            upstream, budgets: [new BudgetOptions { Id = "opus", Scope = ScopeKind.Model, Value = "claude-opus-4-8", LimitUsd = Nanodollars.Zero }]);
        using var response = await PostAsync(gateway, new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Equal(status, response.StatusCode);
        Assert.Empty(upstream.Requests);
    }

    [Fact]
    public async Task A_budget_that_comes_into_force_hears_of_what_is_under_way()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Next(Reply.Text("cut") with { Delivery = Delivery.StallAfter(4) });
        await using var gateway = await StartAsync(upstream);
        using (var open = await PostAsync(gateway))
        {
            gateway.Book.Apply([Team(5m)], []);
        }

        var row = await gateway.NextRowAsync();
        await Until.TrueAsync(
            () => gateway.Book.Budgets()[0].Spent == row.Cost.Total.Value && row.Cost.Total > Nanodollars.Zero,
            TimeSpan.FromSeconds(10), "it is counted", TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task A_client_that_leaves_while_its_body_is_waited_for_reaches_nobody_and_reserves_nothing()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream, [Team(500m, BudgetMode.Strict)]);
        var head = Encoding.ASCII.GetBytes($"POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nx-api-key: {Key}\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{{\"model\":");
        for (var i = 0; i < 50; i++)
        {
            using var client = new System.Net.Sockets.TcpClient { LingerState = new System.Net.Sockets.LingerOption(true, 0) };
            await client.ConnectAsync(IPAddress.Loopback, gateway.Address.Port, TestContext.Current.CancellationToken);
            await client.GetStream().WriteAsync(head, TestContext.Current.CancellationToken);
        }

        using var after = await PostAsync(gateway);
        Assert.Equal(HttpStatusCode.OK, after.StatusCode);
        await after.Content.ReadAsByteArrayAsync(TestContext.Current.CancellationToken);
        await NothingHeldAsync(gateway);
        Assert.Single(upstream.Requests);
    }

    [Fact]
    public async Task Room_for_a_body_is_free_again_once_it_has_gone_up_and_a_row_says_when_it_was_let_in()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("x") with { Delivery = Delivery.StallAfter(2) });
        await using var gateway = await StartAsync(
            upstream, [Team(500m, BudgetMode.Strict)], admission: new AdmissionOptions { MaxHeldBytes = 1_048_576 });
        var text = $$"""{"model":"claude-opus-4-8","max_tokens":64,"messages":[{"role":"user","content":"{{new string('a', 700_000)}}"}],"stream":true}""";
        for (var i = 0; i < 4; i++)
        {
            var response = await PostAsync(gateway, new StringContent(text, Encoding.UTF8, "application/json"));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            response.Dispose();
        }
    }

    [Theory]
    [InlineData("http", true, 4_000_000)]
    [InlineData("http", false, 4_000_000)]
    [InlineData("h2c", true, 4_000_000)]
    [InlineData("h2c", false, 4_000_000)]
    [InlineData("http", true, 10)]
    [InlineData("http", false, 10)]
    public async Task A_body_that_is_waited_for_whole_arrives_as_it_was_sent(string scheme, bool announced, int length)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream, [Team(500m, BudgetMode.Strict)], scheme: scheme);
        var text = $$"""{"model":"claude-opus-4-8","max_tokens":64,"messages":[{"role":"user","content":"{{new string('a', length)}}"}],"stream":true}""";
        using var response = await PostAsync(gateway, new StringContent(text, Encoding.UTF8, "application/json"), request => request.Headers.TransferEncodingChunked = !announced && scheme == "http");
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        await response.Content.ReadAsByteArrayAsync();
        Assert.Equal(text, Encoding.UTF8.GetString(Assert.Single(upstream.MessageRequests).Body.Span));
        Assert.Equal((text.Length, ForwardOutcome.Completed), ((int)(await gateway.NextRowAsync()).RequestBytes, ForwardOutcome.Completed));
    }

    [Theory]
    [InlineData("""{"model":"claude-opus-4-8","max_tokens":64,"model":"claude-opus-5-5","messages":[]}""", "model")]
    [InlineData("""{"model":"claude-opus-4-8","max_tokens":"64","messages":[]}""", "max_tokens")]
    [InlineData("""{"model":"claude-opus-4-8","max_tokens":64,"messages":[]} {}""", "goes on")]
    [InlineData("""{"model":"claude-opus-4-8",""", "cut off")]
    public async Task A_body_that_may_be_read_in_two_ways_does_not_get_past_a_strict_budget(string body, string told)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream, [Team(500m, BudgetMode.Strict)]);
        using var response = await PostAsync(gateway, new StringContent(body, Encoding.UTF8, "application/json"));
        Assert.Contains(told, await OwnAnswer.AssertAsync(response, HttpStatusCode.BadRequest, "invalid_request_error", shouldRetry: false), StringComparison.Ordinal);
        Assert.Empty(upstream.Requests);
        Assert.Equal(0, Assert.Single(gateway.Book.Budgets()).Held);
    }

    [Fact]
    public async Task Cheaper_models_go_on_when_a_budget_says_so()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream, [Team(0.07m) with { ModelsWhenSpent = ["claude-haiku-*"] }]);
        using var last = await PostAsync(gateway);
        await last.Content.ReadAsByteArrayAsync();
        await gateway.NextRowAsync();

        using var refused = await PostAsync(gateway);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        using var cheaper = await PostAsync(gateway, GatewayInProcess.Body("claude-haiku-4-5"));
        Assert.Equal(HttpStatusCode.OK, cheaper.StatusCode);
    }

    [Fact]
    public async Task However_an_attempt_ends_nothing_stays_reserved()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        foreach (var delivery in new[] { Delivery.ResetAfter(-1), Delivery.ResetAfter(3), Delivery.FinAfter(2), Delivery.CleanEndAfter(2), Delivery.StallAfter(-1), Delivery.StallAfter(2) })
        {
            upstream.Script.Next(Reply.Text("cut") with { Delivery = delivery });
        }

        upstream.Script.Next(Reply.Error(529), Reply.Error(400));
        await using var gateway = await StartAsync(
            upstream,
            [Team(50m), Team(50m, BudgetMode.Strict) with { Id = "strict" }],
            [new LimitOptions { Id = "at-once", Metric = LimitMetric.Concurrency, Limit = 2 }]);
        for (var i = 0; i < 8; i++)
        {
            using var leaving = new CancellationTokenSource();
            var isStall = i is 4 or 5;
            var answer = PostAsync(gateway, cancellation: leaving.Token);
            if (isStall)
            {
                await upstream.WaitForRequestsAsync(i + 1, TimeSpan.FromSeconds(10));
                await leaving.CancelAsync();
            }

            try
            {
                using var response = await answer;
                await response.Content.ReadAsByteArrayAsync(leaving.Token);
            }
            catch (Exception broken) when (broken is HttpRequestException or OperationCanceledException)
            {
                // As scripted.
            }

            await gateway.NextRowAsync();
        }

        await Until.TrueAsync(() => gateway.Book.Limits().All(static limit => limit.Used == 0), TimeSpan.FromSeconds(10), "nothing is under way", TestContext.Current.CancellationToken);
        Assert.All(gateway.Book.Budgets(), static state => Assert.Equal(0, state.Held));
    }

    [Fact]
    public async Task A_rate_limit_says_how_long_to_wait_and_slows_nobody_else()
    {
        var bob = VirtualKeyFormat.Create("bob0001");
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(
            upstream,
            limits: [new LimitOptions { Id = "each-key", Scope = ScopeKind.Key, Value = "*", Metric = LimitMetric.Requests, Limit = 2, Per = TimeSpan.FromHours(1) }],
            keys: [new KeyOptions { Id = "bob0001", Hash = VirtualKeyFormat.HashText(bob), Team = "search" }]);
        for (var i = 0; i < 2; i++)
        {
            using var allowed = await PostAsync(gateway);
            Assert.Equal(HttpStatusCode.OK, allowed.StatusCode);
        }

        using var refused = await PostAsync(gateway);
        var message = await OwnAnswer.AssertAsync(refused, HttpStatusCode.TooManyRequests, "rate_limit_error", shouldRetry: false);
        Assert.Equal("Rate limit \"each-key\" (key alice01) allows 2 requests per hour; 2 are used. Try again in 30 minutes.", message);
        Assert.InRange(int.Parse(refused.Headers.GetValues("retry-after").Single(), System.Globalization.CultureInfo.InvariantCulture), 1790, 1800);
        using var other = await PostAsync(gateway, key: bob);
        Assert.Equal(HttpStatusCode.OK, other.StatusCode);
    }

    [Theory]
    [InlineData("expired", HttpStatusCode.Unauthorized, "expired")]
    [InlineData("network", HttpStatusCode.Forbidden, "can't be used from 127.0.0.1")]
    [InlineData("path", HttpStatusCode.Forbidden, "can't ask for /v1/messages")]
    [InlineData("model", HttpStatusCode.Forbidden, "can't ask for the model \"claude-opus-4-8\"")]
    public async Task A_key_is_held_to_its_time_networks_paths_and_models(string rule, HttpStatusCode status, string told)
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream, change: key => rule switch
        {
            "expired" => key with { ExpiresAt = DateTimeOffset.UnixEpoch },
            "network" => key with { SourceNetworks = ["10.0.0.0/8"] },
            "path" => key with { AllowedPaths = ["/v1/models*"] },
            _ => key with { AllowedModels = ["claude-*"], DeniedModels = ["claude-opus-*"] },
        });
        using var response = await PostAsync(gateway);
        var type = status == HttpStatusCode.Unauthorized ? "authentication_error" : "permission_error";
        Assert.Contains(told, await OwnAnswer.AssertAsync(response, status, type, shouldRetry: false), StringComparison.Ordinal);
        Assert.Empty(upstream.Requests);
    }

    [Fact]
    public async Task A_rotated_key_works_beside_the_new_one_until_its_time_is_up()
    {
        var next = VirtualKeyFormat.Create("alice01");
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await StartAsync(upstream, change: key => key with
        {
            Hash = VirtualKeyFormat.HashText(next),
            PreviousHash = key.Hash,
            PreviousHashExpiresAt = TimeProvider.System.GetUtcNow().AddHours(1),
        });
        foreach (var key in new[] { Key, next })
        {
            using var response = await PostAsync(gateway, key: key);
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        var world = gateway.Worlds.Current;
        var over = world.Options.Keys.Select(static key => key with { PreviousHashExpiresAt = DateTimeOffset.UnixEpoch });
        gateway.Worlds.Replace(Proxy.World.Create(world.Options with { Keys = [.. over] }, world.Prices, world));
        using var refused = await PostAsync(gateway);
        Assert.Equal(HttpStatusCode.Unauthorized, refused.StatusCode);
    }

    [Fact]
    public async Task Sessions_are_spread_over_an_upstreams_keys_and_each_keeps_to_one()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        await using var gateway = await GatewayInProcess.StartAsync(upstream.BaseUrl, changeUpstream: static options => options with
        {
            ApiKeys = [new ApiKeyOptions { Key = "sk-ant-a", Weight = 3 }, new ApiKeyOptions { Key = "sk-ant-b" }],
        });
        for (var i = 0; i < 80; i++)
        {
            using var response = await gateway.PostAsync(change: request => request.Headers.Add("x-claude-code-session-id", $"session-{i % 40}"));
            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        }

        var keys = upstream.MessageRequests.Select(static request => (Session: request.Header("x-claude-code-session-id"), Key: request.Header("x-api-key"))).Distinct().ToArray();
        Assert.Equal(40, keys.Length);
        Assert.InRange(keys.Count(static pair => pair.Key == "sk-ant-a"), 18, 39);
    }

    [Fact]
    public async Task With_unified_headers_the_client_reads_the_budget_where_it_reads_the_providers_limit()
    {
        await using var upstream = await FakeUpstream.StartAsync();
        upstream.Script.Otherwise(Reply.Text("x").WithHeader("anthropic-ratelimit-unified-status", "allowed").WithHeader("anthropic-ratelimit-unified-5h-utilization", "0.1"));
        await using var gateway = await StartAsync(upstream, [Team(0.03m)], admission: new AdmissionOptions { Headers = BudgetHeaders.Unified });
        using var response = await PostAsync(gateway);
        Assert.Equal("allowed_warning", response.Headers.GetValues("anthropic-ratelimit-unified-status").Single());
        Assert.False(response.Headers.Contains("anthropic-ratelimit-unified-5h-utilization"));
        await using var plain = await StartAsync(upstream, [Team(0.03m)]);
        using var untouched = await PostAsync(plain);
        Assert.Equal("0.1", untouched.Headers.GetValues("anthropic-ratelimit-unified-5h-utilization").Single());
    }

    /// <summary>A row is closed a moment before its budget is settled.</summary>
    private static async Task NothingHeldAsync(GatewayInProcess gateway) => await Until.TrueAsync(
        () => gateway.Book.Budgets().All(static state => state.Held == 0), TimeSpan.FromSeconds(10), "nothing is held", TestContext.Current.CancellationToken);

    private static BudgetOptions Team(decimal usd, BudgetMode mode = BudgetMode.Expected) => new()
    {
        Id = "search-daily",
        Scope = ScopeKind.Team,
        Value = "search",
        LimitUsd = Nanodollars.FromDollars(usd),
        Window = "day",
        Mode = mode,
    };

    private static Task<GatewayInProcess> StartAsync(
        FakeUpstream upstream,
        BudgetOptions[]? budgets = null,
        LimitOptions[]? limits = null,
        KeyOptions[]? keys = null,
        Func<KeyOptions, KeyOptions>? change = null,
        AdmissionOptions? admission = null,
        string scheme = "http")
    {
        var key = new KeyOptions { Id = "alice01", Hash = VirtualKeyFormat.HashText(Key), Developer = "alice", Team = "search", Customer = "acme" };
        return GatewayInProcess.StartAsync(
            upstream.BaseUrl,
            options => options with
            {
                RequireKey = true,
                Keys = [change?.Invoke(key) ?? key, .. keys ?? []],
                Budgets = budgets ?? [],
                Limits = limits ?? [],
                Admission = admission ?? new AdmissionOptions(),
            },
            static options => options with { ApiKey = "sk-ant-injected" },
            scheme);
    }

    private static async Task<HttpResponseMessage> SendAsync(GatewayInProcess gateway, string path)
    {
        // As it is written: the address would be tidied.
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri($"{gateway.Address.Scheme}://{gateway.Address.Authority}{path}", new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true })) { Content = GatewayInProcess.Body() };
        request.Headers.Add("x-api-key", Key);
        return await gateway.Client.SendAsync(request);
    }

    private static Task<HttpResponseMessage> PostAsync(
        GatewayInProcess gateway, HttpContent? body = null, Action<HttpRequestMessage>? change = null, string? key = null, CancellationToken cancellation = default) =>
        gateway.PostAsync(
            body,
            request =>
            {
                request.Headers.TryAddWithoutValidation("x-api-key", key ?? Key);
                change?.Invoke(request);
            },
            cancellation);
}
