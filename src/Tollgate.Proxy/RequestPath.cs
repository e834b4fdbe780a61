using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Forwarding;
using Tollgate.Proxy.Ingress;
using Tollgate.Proxy.Keys;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Scanning;

namespace Tollgate.Proxy;

/// <summary>The life of one request, top to bottom: accept, identify, forward, scan, account, record, measure.</summary>
/// <remarks>
/// The only code that calls every room. Facts travel as local variables, each written once; there is no context bag to reset.
/// Whatever a client or an upstream does, an attempt ends in exactly one <see cref="Settle"/>.
/// </remarks>
/// <param name="worlds">What is configured now.</param>
/// <param name="queue">Where rows go; null when no ledger is kept.</param>
/// <param name="rows">Where rows come from.</param>
/// <param name="metrics">The counters by key and model.</param>
/// <param name="events">Told of everything that happens.</param>
/// <param name="time">The clock.</param>
/// <param name="gatewayId">Whose rows they are.</param>
/// <param name="cut">Fires when a stop can wait no longer for what is under way.</param>
public sealed class RequestPath(
    WorldHolder worlds,
    UsageQueue? queue,
    UsageRowPool rows,
    GatewayMetrics metrics,
    GatewayEvents events,
    TimeProvider time,
    string gatewayId,
    CancellationToken cut)
{
    /// <summary>Serves one request; the terminal middleware of the proxy listener.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        // One read: a request that began in this world ends in it.
        var world = worlds.Current;
        var arrival = new Arrival(time.GetTimestamp(), time.GetUtcNow());
        var requestId = Guid.CreateVersion7(arrival.At);
        context.Response.Headers[RefusalWriter.RequestIdHeader] = requestId.ToString();

        // :: Accept. May refuse; knows after it: route, operation, where to.
        var refusal = Accept(world, context.Request, out var accepted);
        if (refusal is null && accepted.IsProbe)
        {
            return;
        }

        // :: Identify. May refuse; knows after it: whose request it is and whose credential the upstream is shown.
        var key = VirtualKey.None;
        refusal ??= Identify(world, context.Request, accepted.Upstream!, out key);
        if (refusal is not null)
        {
            await RefuseAsync(context, world, accepted, key, requestId, arrival, refusal);
            return;
        }

        var upstream = accepted.Upstream!;
        var peek = new BodyPeek();
        var tap = ResponseTap.Rent(accepted.Operation);
        var result = new ForwardResult { Outcome = ForwardOutcome.UpstreamTruncated };
        using var watchdog = new Watchdog(time, context.RequestAborted, cut);
        var body = BodyOf(context, peek, watchdog, world.Limits);
        var sentAt = time.GetTimestamp();
        events.RequestStarted();
        try
        {
            // :: Forward, and scan as the bytes pass. May refuse as long as the client has been sent nothing.
            var request = new UpstreamRequest(
                context.Request.Method,
                accepted.Address!,
                upstream.HttpVersion,
                context.Request.Headers,
                new UpstreamCredential(upstream.Options.ApiKey),
                body);
            result = await Forwarder.ForwardAsync(context, upstream, request, tap, watchdog, world.Limits, time);
            if (result.Refusal is not null)
            {
                events.Refused(result.Refusal.Reason, result.Refusal.Status, requestId);
                await RefusalWriter.WriteAsync(context, result.Refusal, requestId);
            }
        }
        finally
        {
            // :: Account, record, measure. Never refuses, never waits.
            events.RequestFinished();
            Settle(context, world, accepted, key, requestId, arrival, sentAt, peek, body, tap, result);
            ResponseTap.Return(tap);
        }

        if (result.BrokeOff)
        {
            AnswerBrokeOffException.Throw(context);
        }
    }

    private static Refusal? Accept(World world, HttpRequest request, out Accepted accepted)
    {
        accepted = default;
        var rawTarget = request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget;
        var pathAndQuery = RequestTarget.PathAndQuery(rawTarget);
        var queryStart = pathAndQuery.IndexOf('?');
        var path = queryStart < 0 ? pathAndQuery : pathAndQuery[..queryStart];
        if (path.IsEmpty || !RequestTarget.IsUnambiguous(path))
        {
            return BadRequest("The request's path has dot segments or characters that servers read differently; send it in its plain form.");
        }

        if (world.Routes.IsProbe(request.Method, path))
        {
            accepted = new Accepted(null, null, Operation.Other, IsProbe: true);
            return null;
        }

        if (!world.Routes.TryFind(request.Method, pathAndQuery, out var route))
        {
            return new Refusal(
                StatusCodes.Status404NotFound,
                RefusalReason.NoRoute,
                "not_found_error",
                $"No upstream is reached by {path}. Paths begin with the name of an upstream ({string.Join(", ", world.Options.Upstreams.Keys.Select(static name => $"/{name}/…"))}), or with /v1/ for \"{RouteNames.DefaultUpstream}\".");
        }

        accepted = new Accepted(route.Upstream, route.Upstream.AddressOf(route.PathAndQuery), route.Operation, IsProbe: false);
        if (request.ContentLength > world.Options.Proxy.MaxRequestBodyBytes)
        {
            return new Refusal(
                StatusCodes.Status413PayloadTooLarge,
                RefusalReason.TooLarge,
                "request_too_large",
                $"The request's body has {request.ContentLength:N0} bytes; proxy.maxRequestBodyBytes allows {world.Options.Proxy.MaxRequestBodyBytes:N0}.");
        }

        return HeaderRules.TryFindMalformed(request.Headers, out var header)
            ? BadRequest($"The header \"{header}\" has characters that can't be relayed.")
            : null;

        static Refusal BadRequest(string message) => new(StatusCodes.Status400BadRequest, RefusalReason.BadRequest, "invalid_request_error", message);
    }

    private static Refusal? Identify(World world, HttpRequest request, Upstream upstream, out VirtualKey key)
    {
        key = VirtualKey.None;
        var presented = PresentedKey.In(request.Headers);
        if (!presented.IsEmpty)
        {
            if (!world.Keys.TryFind(presented, out var found))
            {
                return Unauthorized(RefusalReason.KeyInvalid, "The virtual key is not one of this gateway's. Check it for missing characters, or ask whoever issued it.");
            }

            key = found;
            return found.Disabled
                ? Unauthorized(RefusalReason.KeyInvalid, $"The virtual key \"{found.Id}\" is disabled. Ask whoever issued it.")
                : null;
        }

        if (world.Options.RequireKey)
        {
            return Unauthorized(
                RefusalReason.KeyMissing,
                $"This gateway needs a virtual key. Send it as ANTHROPIC_AUTH_TOKEN, ANTHROPIC_API_KEY or in the header {PresentedKey.TollgateHeader}.");
        }

        return upstream.InjectsKey ? world.BrowserGuard.Check(request) : null;

        static Refusal Unauthorized(RefusalReason reason, string message) =>
            new(StatusCodes.Status401Unauthorized, reason, "authentication_error", message);
    }

    private static RequestBody? BodyOf(HttpContext context, BodyPeek peek, Watchdog watchdog, ForwardLimits limits) =>
        context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true
            ? new RequestBody(context.Request.BodyReader, context.Request.ContentLength, peek, watchdog, limits)
            : null;

    /// <summary>Refuses before anything went upstream. A refused inference is an entry of the ledger; other refusals are only counted.</summary>
    private async Task RefuseAsync(
        HttpContext context, World world, Accepted accepted, VirtualKey key, Guid requestId, Arrival arrival, Refusal refusal)
    {
        events.Refused(refusal.Reason, refusal.Status, requestId);
        await RefusalWriter.WriteAsync(context, refusal, requestId);
        if (accepted.Operation == Operation.Messages)
        {
            var tap = ResponseTap.Rent(accepted.Operation);
            var result = new ForwardResult { Outcome = ForwardOutcome.Refused, Refusal = refusal };
            Settle(context, world, accepted, key, requestId, arrival, time.GetTimestamp(), new BodyPeek(), null, tap, result);
            ResponseTap.Return(tap);
        }
    }

    private void Settle(
        HttpContext context,
        World world,
        Accepted accepted,
        VirtualKey key,
        Guid requestId,
        Arrival arrival,
        long sentAt,
        BodyPeek peek,
        RequestBody? body,
        ResponseTap tap,
        ForwardResult result)
    {
        var report = tap.Report;
        var outcome = Judge(accepted.Operation, tap, result);
        var settled = SettledUsage.From(report, outcome, result.Status, accepted.Operation, body?.BytesSent ?? 0, body?.IsFullySent ?? false);
        var costed = Costing.Settle(
            world.Prices,
            new PricingRequest(peek.Model, arrival.At, accepted.Upstream!.Options.Region),
            report,
            settled);

        var row = rows.Rent();
        row.Timestamp = arrival.At;
        row.RequestId = requestId;
        row.AttemptId = Guid.CreateVersion7(arrival.At);
        row.GatewayId = gatewayId;
        Attribution.Write(row, key, context.Request.Headers);
        row.Provider = accepted.Upstream.Name;
        row.Endpoint = accepted.Operation;
        row.ModelRequested = peek.Model;
        row.Model = costed.Model;
        row.FallbackFrom = costed.FallbackFrom;
        row.ServiceTier = report.ServiceTier ?? string.Empty;
        row.InferenceGeo = report.InferenceGeo ?? string.Empty;
        row.IsStream = tap.IsStream;
        row.IsBatch = costed.IsBatch;
        row.IsFast = costed.IsFast;
        row.HttpStatus = result.Refusal?.Status ?? result.Status;
        row.Outcome = outcome;
        row.ErrorType = result.Refusal?.ErrorType ?? report.ErrorType ?? string.Empty;
        row.StopReason = report.StopReason ?? string.Empty;
        row.UsageSource = settled.Source;
        row.Tokens = costed.Tokens;
        row.Cost = costed.Cost;
        row.Priced = costed.Priced;
        row.BandAmbiguous = costed.BandAmbiguous;
        row.PriceRevision = costed.PriceRevision;
        row.MessageId = report.MessageId;
        row.UpstreamRequestId = result.UpstreamRequestId;
        row.RequestBytes = body?.BytesSent ?? 0;
        row.ResponseBytes = result.ResponseBytes;
        row.OverheadMicroseconds = Microseconds(arrival.Timestamp, sentAt);
        row.FirstByteMicroseconds = Microseconds(arrival.Timestamp, result.FirstByteAt);
        row.TtftMicroseconds = Microseconds(arrival.Timestamp, report.FirstContentAt);
        row.MaxGapMicroseconds = Microseconds(0, report.LargestGap);
        row.LatencyMicroseconds = Microseconds(arrival.Timestamp, time.GetTimestamp());

        Measure(world, row, key, report);
        if (queue is null)
        {
            rows.Return(row);
        }
        else if (!queue.TryEnqueue(row))
        {
            events.RowDropped();
            rows.Return(row);
        }
    }

    private void Measure(World world, UsageRow row, VirtualKey key, UsageReport report)
    {
        var isListed = world.Prices.TryFind(row.Model, out Price _);
        var labels = new MetricKey(row.Provider, row.Model, key.Id, key.Name, key.Team, key.Customer, metrics.LabelsOf(row.Labels));
        events.AttemptEnded(row, metrics.Resolve(labels, isListed));
        if (!row.Priced && !row.Tokens.IsEmpty)
        {
            events.UnpricedModel(row.Model);
        }

        if (report.EventOversize)
        {
            events.OversizeEvent(row.RequestId);
        }
    }

    /// <summary>Joins what the bytes did with what they said.</summary>
    private static ForwardOutcome Judge(Operation operation, ResponseTap tap, ForwardResult result) => result.Outcome switch
    {
        not ForwardOutcome.Completed => result.Outcome,
        _ when result.Status >= StatusCodes.Status400BadRequest => ForwardOutcome.UpstreamError,
        _ when operation == Operation.Messages && tap.Report.ErrorSeen => ForwardOutcome.ErrorEvent,
        _ when operation == Operation.Messages && tap.LacksEnd => ForwardOutcome.Incomplete,
        _ => ForwardOutcome.Completed,
    };

    private long Microseconds(long from, long to) => to <= from ? 0 : (long)time.GetElapsedTime(from, to).TotalMicroseconds;

    /// <summary>When a request came in, by both clocks.</summary>
    private readonly record struct Arrival(long Timestamp, DateTimeOffset At);

    /// <summary>What accepting a request found out. <see cref="Upstream"/> and <see cref="Address"/> are null for a probe and for a request without a route.</summary>
    private readonly record struct Accepted(Upstream? Upstream, Uri? Address, Operation Operation, bool IsProbe);
}
