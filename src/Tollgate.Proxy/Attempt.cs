using Microsoft.AspNetCore.Http;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Forwarding;
using Tollgate.Proxy.Ingress;
using Tollgate.Proxy.Keys;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Spool;
using Tollgate.Proxy.Scanning;

namespace Tollgate.Proxy;

/// <summary>One attempt as a row: drafted before it can be billed, drafted again when its answer is whole, settled exactly once.</summary>
/// <remarks>
/// A draft is the row as it would read if the gateway died at that moment. So what the provider may bill is in the ledger whatever happens after, and
/// a client that has its whole answer has its row, with the provider's own figures.
/// Owner: one request. Drafts may come from the upload and from the answer at once, so the row is filled under its lock.
/// </remarks>
internal sealed class Attempt : IAttemptLog
{
    private readonly AttemptFacts _facts;
    private readonly AttemptServices _services;
    private readonly UsageRow _row;
    private readonly OpenAttempt? _open;
    private bool _isAllDrafted;

    /// <summary>Begins an attempt; its row is the caller's to <see cref="Settle"/>.</summary>
    public Attempt(in AttemptFacts facts, AttemptServices services)
    {
        _facts = facts;
        _services = services;
        _open = services.Recorder?.Begin();
        _row = services.Rows.Rent();
        _row.Timestamp = facts.Arrival.At;
        _row.RequestId = facts.RequestId;
        _row.AttemptId = Uuid7.Create(facts.Arrival.At);
        _row.GatewayId = services.GatewayId;
        Attribution.Write(_row, facts.Key, facts.Headers);
        _row.Provider = facts.Upstream.Name;
        _row.Endpoint = facts.Operation;
    }

    /// <summary>The request's body on its way up; null without one. Set once, before anything is sent.</summary>
    public RequestBody? Body { get; set; }

    /// <summary>When it was ready to go upstream, or was refused, as a timestamp. Set once, before anything is sent.</summary>
    public long ReadyAt { get; set; }

    /// <summary>The room that the body takes while it is held; given back once all of it is on its way. Null when it takes none.</summary>
    public HeldBody? HeldBody { get; set; }

    /// <inheritdoc/>
    public void OnSending(long bytes, bool isLast)
    {
        if (isLast)
        {
            HeldBody?.Release();
        }

        if (_open is null)
        {
            return;
        }

        lock (_row)
        {
            if (!_isAllDrafted)
            {
                _isAllDrafted = isLast;
                Fill(new ForwardResult { Outcome = ForwardOutcome.Crashed }, ForwardOutcome.Crashed, bytes, isLast, _services.Time.GetTimestamp());
                _services.Recorder!.Draft(_open, _row);
            }
        }
    }

    /// <inheritdoc/>
    public void OnHead(ForwardResult soFar, IHeaderDictionary headers)
    {
        if (_facts.World.Options.Proxy.ServerTiming)
        {
            var askedAt = Body is { LastBytesAt: > 0 and var at } ? at : ReadyAt;
            ServerTiming.Append(headers, RequestOverhead(), _services.Time.GetElapsedTime(askedAt, soFar.HeadAt));
        }
    }

    /// <inheritdoc/>
    public ValueTask OnAnswerWholeAsync(ForwardResult soFar, CancellationToken cancellationToken)
    {
        if (_open is null)
        {
            return ValueTask.CompletedTask;
        }

        lock (_row)
        {
            _isAllDrafted = true;
            Fill(soFar, Judge(ForwardOutcome.Completed, soFar.Status), Body?.BytesSent ?? 0, Body?.IsFullySent ?? false, _services.Time.GetTimestamp());
            _services.Recorder!.DraftWhole(_open, _row);
        }

        return _services.Recorder.WhenSafeAsync(_open, cancellationToken);
    }

    /// <summary>Accounts for the attempt, records it and counts it. Never refuses, never waits.</summary>
    /// <param name="result">How it ended.</param>
    public void Settle(ForwardResult result)
    {
        var began = _services.Time.GetTimestamp();
        var request = RequestOverhead();
        var response = _services.Time.GetElapsedTime(0, result.OwnTime);
        _row.OverheadMicroseconds = (long)(request + response).TotalMicroseconds;
        Fill(result, Judge(result.Outcome, result.Status), Body?.BytesSent ?? 0, Body?.IsFullySent ?? false, began);
        var place = _open is null ? 0 : _services.Recorder!.Close(_open, _row);
        SettleLease(place);
        Measure(began);
        _services.Rows.Return(_row);
        if (result.Outcome != ForwardOutcome.Refused)
        {
            _services.Events.OverheadMeasured(request, result.HeadAt > 0 ? response : null, _services.Time.GetElapsedTime(began));
        }
    }

    /// <summary>What Tollgate itself took until the upstream was handed the first bytes: neither waiting for the client's body nor connecting.</summary>
    private TimeSpan RequestOverhead()
    {
        var own = ReadyAt - _facts.Arrival.Timestamp - _facts.Arrival.BodyWait + (Body?.OwnTime ?? 0);
        return own <= 0 ? TimeSpan.Zero : _services.Time.GetElapsedTime(0, own);
    }

    private void Fill(ForwardResult result, ForwardOutcome outcome, long requestBytes, bool isFullySent, long now)
    {
        var report = _facts.Tap.Report;
        var settled = SettledUsage.From(report, outcome, result.Status, _facts.Operation, requestBytes, isFullySent);
        var costed = Costing.Settle(
            _facts.World.Prices,
            new PricingRequest(_facts.Peek.Model, _facts.Arrival.At, _facts.Upstream.Options.Region),
            report,
            settled);

        var row = _row;
        row.ModelRequested = _facts.Peek.Model;
        row.Model = costed.Model;
        row.FallbackFrom = costed.FallbackFrom;
        row.ServiceTier = report.ServiceTier ?? string.Empty;
        row.InferenceGeo = report.InferenceGeo ?? string.Empty;
        row.IsStream = _facts.Tap.IsStream;
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
        row.RequestBytes = requestBytes;
        row.ResponseBytes = result.ResponseBytes;
        row.FirstByteMicroseconds = Microseconds(_facts.Arrival.Timestamp, result.FirstByteAt);
        row.TtftMicroseconds = Microseconds(_facts.Arrival.Timestamp, report.FirstContentAt);
        row.MaxGapMicroseconds = Microseconds(0, report.LargestGap);
        row.LatencyMicroseconds = Microseconds(_facts.Arrival.Timestamp, now);
    }

    /// <summary>Budgets are told what the row says, whatever it says: so they and the ledger can't differ.</summary>
    private void SettleLease(long place)
    {
        if (_facts.Lease is not { } lease)
        {
            return;
        }

        var row = _row;
        var tokens = row.Tokens;
        var subject = new SpendSubject(
            row.Customer, row.Team, row.Project, row.KeyId, row.Developer, _facts.World.Prices.NameOf(row.Model), row.SessionId);
        var amount = new SpendAmount(
            row.Cost.Total.Value, tokens.Input + tokens.CacheWrite5m + tokens.CacheWrite1h, tokens.Output, tokens.Prompt + tokens.Output);
        _services.Book.Settle(lease, subject, amount, place);
    }

    private void Measure(long now)
    {
        var (row, key, events) = (_row, _facts.Key, _services.Events);
        var isListed = _facts.World.Prices.TryFind(row.Model, out Price _);
        var labels = new MetricKey(row.Provider, row.Model, key.Id, key.Name, key.Team, key.Customer, events.Metrics.LabelsOf(row.Labels));
        events.AttemptEnded(row, events.Metrics.Resolve(labels, isListed));
        _services.Sessions.Add(labels, row.SessionId, row.Cost.Total, now);
        if (!row.Priced && !row.Tokens.IsEmpty)
        {
            events.UnpricedModel(row.Model);
        }

        if (_facts.Tap.Report.EventOversize)
        {
            events.OversizeEvent(row.RequestId);
        }
    }

    /// <summary>Joins what the bytes did with what they said.</summary>
    private ForwardOutcome Judge(ForwardOutcome relayed, int status) => relayed switch
    {
        not ForwardOutcome.Completed => relayed,
        _ when status >= StatusCodes.Status400BadRequest => ForwardOutcome.UpstreamError,
        _ when _facts.Operation == Operation.Messages && _facts.Tap.Report.ErrorSeen => ForwardOutcome.ErrorEvent,
        _ when _facts.Operation == Operation.Messages && _facts.Tap.LacksEnd => ForwardOutcome.Incomplete,
        _ => ForwardOutcome.Completed,
    };

    private long Microseconds(long from, long to) => to <= from ? 0 : (long)_services.Time.GetElapsedTime(from, to).TotalMicroseconds;
}

/// <summary>What is known of an attempt before it goes upstream.</summary>
/// <param name="World">What is configured for it.</param>
/// <param name="Upstream">Where it goes.</param>
/// <param name="Operation">What is asked.</param>
/// <param name="Key">Whose it is.</param>
/// <param name="Headers">What the client sent.</param>
/// <param name="RequestId">Tollgate's id of the client's request.</param>
/// <param name="Arrival">When it came in.</param>
/// <param name="Peek">Learns the model.</param>
/// <param name="Tap">Learns the usage.</param>
/// <param name="Lease">What is reserved for it; null when nothing is, because it was refused.</param>
internal readonly record struct AttemptFacts(
    World World,
    Upstream Upstream,
    Operation Operation,
    VirtualKey Key,
    IHeaderDictionary Headers,
    Guid RequestId,
    Arrival Arrival,
    BodyPeek Peek,
    ResponseTap Tap,
    AdmissionLease? Lease);

/// <summary>What attempts are kept with; one for the gateway's life.</summary>
/// <param name="Recorder">Where rows go; null when no ledger is kept.</param>
/// <param name="Rows">Where rows come from.</param>
/// <param name="Events">Told of everything that happens.</param>
/// <param name="Book">Budgets and limits.</param>
/// <param name="Sessions">What sessions spent lately.</param>
/// <param name="Time">The clock.</param>
/// <param name="GatewayId">Whose rows they are.</param>
internal sealed record AttemptServices(
    IUsageRecorder? Recorder, UsageRowPool Rows, GatewayEvents Events, AdmissionBook Book, DearestSessions Sessions, TimeProvider Time, string GatewayId);

/// <summary>When a request came in, by both clocks.</summary>
/// <param name="Timestamp">As <see cref="TimeProvider.GetTimestamp"/>.</param>
/// <param name="At">The time of day, UTC.</param>
/// <param name="BodyWait">How long the client's body was then waited for before it was admitted, in timestamp ticks; 0 while it was not.</param>
internal readonly record struct Arrival(long Timestamp, DateTimeOffset At, long BodyWait = 0);
