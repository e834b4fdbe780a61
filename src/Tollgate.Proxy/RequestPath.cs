using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Forwarding;
using Tollgate.Proxy.Ingress;
using Tollgate.Proxy.Keys;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Scanning;

namespace Tollgate.Proxy;

/// <summary>The life of one request, top to bottom: accept, identify, admit, forward, scan, account, record, measure.</summary>
/// <remarks>
/// The only code that calls every room. Facts travel as local variables, each written once; there is no context bag to reset.
/// Whatever a client or an upstream does, an attempt ends in exactly one <see cref="Attempt.Settle"/>.
/// </remarks>
/// <param name="worlds">What is configured now.</param>
/// <param name="recorder">Where rows go; null when no ledger is kept.</param>
/// <param name="rows">Where rows come from.</param>
/// <param name="book">Budgets and limits.</param>
/// <param name="events">Told of everything that happens.</param>
/// <param name="time">The clock.</param>
/// <param name="gatewayId">Whose rows they are.</param>
/// <param name="cut">Fires when a stop can wait no longer for what is under way.</param>
public sealed class RequestPath(
    WorldHolder worlds,
    IUsageRecorder? recorder,
    UsageRowPool rows,
    AdmissionBook book,
    GatewayEvents events,
    TimeProvider time,
    string gatewayId,
    CancellationToken cut)
{
    // A full spool empties in minutes, not seconds; a client that asks every second helps nobody.
    private static readonly TimeSpan SpoolFullRetry = TimeSpan.FromSeconds(30);

    private readonly AttemptServices _services = new(recorder, rows, events, book, DearestSessions.PublishedBy(events.Metrics, time), time, gatewayId);
    private readonly RequestAdmission _admission = new(book, time);

    /// <summary>Serves one request; the terminal middleware of the proxy listener.</summary>
    public async Task InvokeAsync(HttpContext context)
    {
        // One read: a request that began in this world ends in it.
        var world = worlds.Current;
        var arrival = new Arrival(time.GetTimestamp(), time.GetUtcNow());
        var requestId = Uuid7.Create(arrival.At);
        context.Response.Headers[RefusalWriter.RequestIdHeader] = requestId.ToString();

        // :: Accept. May refuse; knows after it: route, operation, where to.
        var refusal = Accept(world, context.Request, out var accepted);
        if (refusal is null && accepted.IsProbe)
        {
            return;
        }

        // :: Identify. May refuse; knows after it: whose request it is and whose credential the upstream is shown.
        var key = VirtualKey.None;
        refusal ??= Identify(world, context.Request, accepted, arrival.At, out key);

        // :: Admit. May refuse: an attempt whose row could not be kept, a key's rules, a rate limit, a budget. Knows after it: what is reserved.
        refusal ??= CanRecord(accepted.Operation);
        var lease = book.Rent();
        var admitted = default(Admitted);
        try
        {
            var peek = new BodyPeek();
            if (refusal is null)
            {
                var asked = new AdmissionRequest(world, accepted.Upstream!, accepted.Operation, key, requestId, arrival, IsUnmeteredSpend(world, context.Request, accepted));
                admitted = await AdmitAsync(context, asked, peek, lease);
                refusal = admitted.Refusal;
                arrival = arrival with { BodyWait = admitted.BodyWait };
            }

            if (refusal is not null)
            {
                await RefuseAsync(context, world, accepted, key, requestId, arrival, refusal);
                return;
            }

            // Not so when the client left meanwhile: the server may tell of that only later, so the lease is asked.
            if (lease.IsOpen)
            {
                await ForwardAsync(context, world, accepted, key, requestId, arrival, peek, lease, admitted.Body);
            }
        }
        finally
        {
            book.Return(lease);
            admitted.Body?.Release();
        }
    }

    private async Task ForwardAsync(
        HttpContext context, World world, Accepted accepted, VirtualKey key, Guid requestId, Arrival arrival, BodyPeek peek, AdmissionLease lease, HeldBody? held)
    {
        // The row says when it was let in, as budgets do: a window may end while a body is waited for.
        arrival = arrival with { At = new DateTimeOffset(lease.At, TimeSpan.Zero) };
        var upstream = accepted.Upstream!;
        RequestAdmission.WriteHeaders(context.Response.Headers, lease, world.Options.Admission);
        var tap = ResponseTap.Rent(accepted.Operation);
        var result = new ForwardResult { Outcome = ForwardOutcome.UpstreamTruncated };
        using var watchdog = new Watchdog(time, context.RequestAborted, cut);
        var attempt = new Attempt(
            new AttemptFacts(world, upstream, accepted.Operation, key, context.Request.Headers, requestId, arrival, peek, tap, lease), _services);
        attempt.HeldBody = held;
        attempt.Body = BodyOf(context, peek, watchdog, world.Limits, attempt);
        events.RequestStarted();
        try
        {
            // :: Forward, and scan as the bytes pass. May refuse as long as the client has been sent nothing.
            var request = new UpstreamRequest(
                context.Request.Method,
                accepted.Address!,
                upstream.HttpVersion,
                context.Request.Headers,
                new UpstreamCredential(upstream.KeyFor(KeyAffinity(context.Request.Headers, key))),
                attempt.Body);
            attempt.ReadyAt = time.GetTimestamp();
            result = await Forwarder.ForwardAsync(context, upstream, request, tap, attempt, watchdog, world.Limits, time);
        }
        finally
        {
            // :: Account, record, measure. Never refuses, never waits.
            events.RequestFinished();
            attempt.Settle(result);
            ResponseTap.Return(tap);
        }

        if (result.Refusal is not null)
        {
            events.Refused(result.Refusal.Reason, result.Refusal.Status, requestId);
            await RefusalWriter.WriteAsync(context, result.Refusal, requestId);
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
            return BadRequest("The request's path has dot or empty segments, or characters or escapes that servers read differently; send it in its plain form.");
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

    private static Refusal? Identify(World world, HttpRequest request, in Accepted accepted, DateTimeOffset now, out VirtualKey key)
    {
        key = VirtualKey.None;
        var presented = PresentedKey.In(request.Headers);
        if (!presented.IsEmpty)
        {
            if (!world.Keys.TryFind(presented, now, out var found))
            {
                return Unauthorized(RefusalReason.KeyInvalid, "The virtual key is not one of this gateway's. Check it for missing characters, or ask whoever issued it.");
            }

            key = found;
            return KeyCheck.Check(found, found.Paths.AllowAll ? default : PathOf(world, request), request.HttpContext.Connection.RemoteIpAddress, now);
        }

        if (world.Options.RequireKey)
        {
            return Unauthorized(
                RefusalReason.KeyMissing,
                $"This gateway needs a virtual key. Send it as ANTHROPIC_AUTH_TOKEN, ANTHROPIC_API_KEY or in the header {PresentedKey.TollgateHeader}.");
        }

        return accepted.Upstream!.InjectsKey ? world.BrowserGuard.Check(request) : null;

        static Refusal Unauthorized(RefusalReason reason, string message) =>
            new(StatusCodes.Status401Unauthorized, reason, "authentication_error", message);
    }

    /// <summary>Admits, or says why not; a client whose body breaks off is told so, if it is still there to be told.</summary>
    private async ValueTask<Admitted> AdmitAsync(HttpContext context, AdmissionRequest asked, BodyPeek peek, AdmissionLease lease)
    {
        try
        {
            return await _admission.AdmitAsync(context, asked, peek, lease);
        }
        catch (BadHttpRequestException broken)
        {
            return new Admitted(Forwarder.RefusalOf(broken), null);
        }
        catch (Exception left) when (left is OperationCanceledException or IOException)
        {
            context.Abort();
            return default;
        }
    }

    /// <summary>Whether a request may cost something that no row will tell of: a batch, or whatever the API has that Tollgate does not know.</summary>
    private static bool IsUnmeteredSpend(World world, HttpRequest request, in Accepted accepted) =>
        accepted.Operation is Operation.Batches or Operation.Other && RouteNames.MayCost(request.Method, PathOf(world, request));

    /// <summary>The upstream's path that is asked for, without the query.</summary>
    private static ReadOnlySpan<char> PathOf(World world, HttpRequest request)
    {
        var target = RequestTarget.PathAndQuery(request.HttpContext.Features.GetRequiredFeature<IHttpRequestFeature>().RawTarget);
        var path = world.Routes.TryFind(request.Method, target, out var route) ? route.PathAndQuery : target;
        var query = path.IndexOf('?');
        return query < 0 ? path : path[..query];
    }

    private Refusal? CanRecord(Operation operation) =>
        operation != Operation.Messages || recorder is null or { CanBegin: true }
            ? null
            : new Refusal(
                StatusCodes.Status503ServiceUnavailable,
                RefusalReason.SpoolFull,
                "overloaded_error",
                "Tollgate can't keep a record of this request: its spool is full, and spool.whenFull is \"block\". "
                + "The operator must bring the ledger's store back, free disk, or raise spool.maxBytes.",
                ShouldRetry: true,
                RetryAfter: SpoolFullRetry);

    /// <summary>What keeps to one of an upstream's keys, because the provider's prompt cache does: the session, else the virtual key.</summary>
    private static string KeyAffinity(IHeaderDictionary headers, VirtualKey key) => Attribution.SessionOf(headers) is { Length: > 0 } session ? session : key.Id;

    private static RequestBody? BodyOf(HttpContext context, BodyPeek peek, Watchdog watchdog, ForwardLimits limits, Attempt attempt) =>
        context.Features.Get<IHttpRequestBodyDetectionFeature>()?.CanHaveBody == true
            ? new RequestBody(context.Request.BodyReader, context.Request.ContentLength, peek, watchdog, limits, attempt)
            : null;

    /// <summary>Refuses before anything went upstream. A refused inference is an entry of the ledger; other refusals are only counted.</summary>
    private async Task RefuseAsync(
        HttpContext context, World world, Accepted accepted, VirtualKey key, Guid requestId, Arrival arrival, Refusal refusal)
    {
        events.Refused(refusal.Reason, refusal.Status, requestId);
        if (accepted.Operation == Operation.Messages && refusal.Reason != RefusalReason.SpoolFull)
        {
            var tap = ResponseTap.Rent(accepted.Operation);
            var facts = new AttemptFacts(
                world, accepted.Upstream!, accepted.Operation, key, context.Request.Headers, requestId, arrival, new BodyPeek(), tap, Lease: null);
            var result = new ForwardResult { Outcome = ForwardOutcome.Refused, Refusal = refusal };
            new Attempt(facts, _services) { ReadyAt = time.GetTimestamp() }.Settle(result);
            ResponseTap.Return(tap);
        }

        await RefusalWriter.WriteAsync(context, refusal, requestId);
    }

    /// <summary>What accepting a request found out. <see cref="Upstream"/> and <see cref="Address"/> are null for a probe and for a request without a route.</summary>
    private readonly record struct Accepted(Upstream? Upstream, Uri? Address, Operation Operation, bool IsProbe);
}
