using System.Globalization;
using Microsoft.AspNetCore.Http;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Forwarding;
using Tollgate.Proxy.Ingress;
using Tollgate.Proxy.Keys;
using Tollgate.Proxy.Recording;

namespace Tollgate.Proxy;

/// <summary>Decides whether a request whose key is proved may go on, and reserves what it needs.</summary>
/// <remarks>
/// In two steps. What can be said by the head alone is said before the body is asked for: the key's rules, and budgets of which nothing is left. The
/// rest needs to know the model, or, where a budget is strict or models are ruled, the whole body; only then is a body waited for, and it is never copied.
/// One for the gateway's life.
/// </remarks>
internal sealed class RequestAdmission(AdmissionBook book, TimeProvider time)
{
    // Reading the past takes a fraction of a second once the store answers; a client had better wait than be sent away.
    private static readonly TimeSpan PatienceForPast = TimeSpan.FromSeconds(5);

    // A body limit is met by a burst; moments later there is room.
    private static readonly TimeSpan BodiesHeldRetry = TimeSpan.FromSeconds(2);

    private readonly HeldBodies _held = new();

    /// <summary>Admits the request, or says why not.</summary>
    /// <param name="context">The request.</param>
    /// <param name="asked">What is asked, by whom.</param>
    /// <param name="peek">Learns the model; done when admission had to know it.</param>
    /// <param name="lease">Holds what is reserved.</param>
    /// <returns>The refusal, and the room that the body takes, for the caller to release.</returns>
    /// <exception cref="OperationCanceledException">The client left.</exception>
    /// <exception cref="IOException">The client's body broke off.</exception>
    public async ValueTask<Admitted> AdmitAsync(HttpContext context, AdmissionRequest asked, BodyPeek peek, AdmissionLease lease)
    {
        var isMetered = asked.Operation == Operation.Messages;
        var hasModelRules = (isMetered || asked.IsUnmeteredSpend) && !asked.Key.Models.AllowAll;
        if (book.IsEmpty && !hasModelRules)
        {
            // A budget that comes into force while it is under way has to hear of it.
            book.Begin(lease);
            return default;
        }

        var headers = context.Request.Headers;
        var subject = new SpendSubject(
            asked.Key.Customer, asked.Key.Team, Attribution.ProjectOf(asked.Key, headers), asked.Key.Id, asked.Key.Developer, string.Empty, Attribution.SessionOf(headers));
        if (!isMetered)
        {
            return asked.IsUnmeteredSpend && !asked.Key.Models.AllowAll
                ? new Admitted(KeyCheck.UnmeteredForbidden(asked.Key), null)
                : new Admitted(Decide(asked, subject, OfUnmetered(asked), asked.IsUnmeteredSpend, lease, out _), null);
        }

        if (book.IsSpent(subject, out var spent))
        {
            book.Journal?.Refused(spent, asked.Key.Developer, asked.RequestId, asked.Arrival.At);
            return new Admitted(AdmissionRefusal.Of(spent, default, asked.World.Options.Admission.Contact, asked.Arrival.At), null);
        }

        book.FindNeeds(subject, out var needsAmount, out var needsWhole);
        var need = needsWhole || hasModelRules ? BodyNeed.Whole : needsAmount ? BodyNeed.Model : BodyNeed.None;
        if (need == BodyNeed.None)
        {
            return new Admitted(Decide(asked, subject, default, isMetered: true, lease, out _), null);
        }

        return await AdmitBodyAsync(context, asked, subject, need, peek, lease);
    }

    /// <summary>Tells the client what is left of the tightest budget.</summary>
    public static void WriteHeaders(IHeaderDictionary headers, AdmissionLease lease, AdmissionOptions options)
    {
        if (options.Headers == BudgetHeaders.None || lease.RemainingUsd < 0)
        {
            return;
        }

        headers["x-tollgate-budget"] = lease.TightestBudget;
        headers["x-tollgate-budget-remaining"] = new Nanodollars(lease.RemainingUsd).ToDollars().ToString(CultureInfo.InvariantCulture);
        if (options.Headers == BudgetHeaders.Unified)
        {
            WriteUnified(headers, lease);
        }
    }

    private async ValueTask<Admitted> AdmitBodyAsync(
        HttpContext context, AdmissionRequest asked, SpendSubject subject, BodyNeed need, BodyPeek peek, AdmissionLease lease)
    {
        var facts = new RequestFacts();
        var held = new HeldBody(_held);
        var most = asked.World.Options.Admission.MaxHeldBytes;
        try
        {
            var start = await BodyStart.ReadAsync(
                context.Request.BodyReader, need, peek, facts, bytes => held.TryTake(bytes, most), time, asked.World.Limits.ClientStall, context.RequestAborted);
            var refusal = start.End switch
            {
                BodyStartEnd.NoRoom => BodiesHeld(most),
                BodyStartEnd.Stalled => Stalled(asked.World.Limits.ClientStall),
                _ when need == BodyNeed.Whole && (start.Facts != RequestFactsResult.Complete || facts.Model.Length == 0) => Malformed(facts),
                _ => await DecideByBodyAsync(asked, subject, need, facts, peek, context.Request.ContentLength ?? start.Bytes, lease, context.RequestAborted),
            };
            return new Admitted(refusal, held, start.Waited);
        }
        catch
        {
            held.Release();
            throw;
        }
    }

    private async ValueTask<Refusal?> DecideByBodyAsync(
        AdmissionRequest asked, SpendSubject subject, BodyNeed need, RequestFacts facts, BodyPeek peek, long bytes, AdmissionLease lease, CancellationToken left)
    {
        var model = need == BodyNeed.Whole ? facts.Model : peek.Model;
        subject = subject with { Model = asked.World.Prices.NameOf(model) };
        if (KeyCheck.CheckModel(asked.Key, model) is { } forbidden)
        {
            return forbidden;
        }

        var estimate = Estimate(asked, need, facts, model, bytes);
        var refusal = Decide(asked, subject, estimate, isMetered: true, lease, out var whenKnown);
        if (whenKnown is null)
        {
            return refusal;
        }

        await whenKnown.WaitAsync(PatienceForPast, time, left).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return Decide(asked, subject, estimate, isMetered: true, lease, out _);
    }

    private Refusal? Decide(
        in AdmissionRequest asked, in SpendSubject subject, in SpendEstimate estimate, bool isMetered, AdmissionLease lease, out Task? whenKnown)
    {
        var verdict = book.TryAdmit(subject, estimate, isMetered, lease);
        whenKnown = verdict.WhenKnown;
        if (verdict.Answer is AdmissionAnswer.BudgetSpent or AdmissionAnswer.Unbounded)
        {
            book.Journal?.Refused(verdict, asked.Key.Developer, asked.RequestId, asked.Arrival.At);
        }

        return verdict.Answer == AdmissionAnswer.Admitted
            ? null
            : AdmissionRefusal.Of(verdict, estimate, asked.World.Options.Admission.Contact, asked.Arrival.At);
    }

    private SpendEstimate Estimate(in AdmissionRequest asked, BodyNeed need, RequestFacts facts, string model, long bytes)
    {
        var (prices, region) = (asked.World.Prices, asked.Upstream.Options.Region);
        var expected = CostBound.Expected(prices, model, bytes, facts.MaxTokens, book.UsualOutputOf(prices.NameOf(model)), region, asked.Arrival.At);
        var most = need == BodyNeed.Whole ? CostBound.Most(prices, facts, region, asked.Arrival.At) : default;
        return new SpendEstimate(
            new SpendAmount(most.Cost.Value, most.InputTokens, most.OutputTokens, most.Tokens),
            most.Unknown,
            new SpendAmount(expected.Cost.Value, expected.InputTokens, expected.OutputTokens, expected.Tokens),
            need != BodyNeed.Whole || facts.IsStream);
    }

    /// <summary>What can't be priced must not get past a budget that holds; everything else that is not inference is free.</summary>
    private static SpendEstimate OfUnmetered(in AdmissionRequest asked) => asked.IsUnmeteredSpend
        ? new SpendEstimate(default, "It asks for something whose cost Tollgate does not see, such as a batch.", default, IsStream: false, IsUnmetered: true)
        : default;

    private static void WriteUnified(IHeaderDictionary headers, AdmissionLease lease)
    {
        var isNear = lease.UsedPerMille >= 750;
        headers[HeaderRules.UnifiedLimitStatus] = isNear ? "allowed_warning" : "allowed";
        headers["anthropic-ratelimit-unified-overage-utilization"] = (lease.UsedPerMille / 1000m).ToString(CultureInfo.InvariantCulture);
        if (isNear)
        {
            headers["anthropic-ratelimit-unified-overage-surpassed-threshold"] = lease.UsedPerMille >= 950 ? "0.95" : "0.75";
        }

        if (lease.ResetAt != long.MaxValue)
        {
            var seconds = new DateTimeOffset(lease.ResetAt, TimeSpan.Zero).ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
            headers["anthropic-ratelimit-unified-reset"] = seconds;
            headers["anthropic-ratelimit-unified-overage-reset"] = seconds;
        }
    }

    private static Refusal BodiesHeld(long most) => new(
        StatusCodes.Status503ServiceUnavailable,
        RefusalReason.BodiesHeld,
        "overloaded_error",
        string.Create(CultureInfo.InvariantCulture, $"Tollgate holds as many bytes of requests as it may ({most:N0}, admission.maxHeldBytes) until their budgets are checked. Try again in a moment."),
        ShouldRetry: true,
        RetryAfter: BodiesHeldRetry);

    private static Refusal Stalled(TimeSpan limit) => new(
        StatusCodes.Status408RequestTimeout,
        RefusalReason.BadRequest,
        "timeout_error",
        string.Create(CultureInfo.InvariantCulture, $"Nothing of the request's body came for {limit.TotalSeconds:0.###} s (proxy.clientStallTimeout), and its budgets could not be checked without it."));

    private static Refusal Malformed(RequestFacts facts) => new(
        StatusCodes.Status400BadRequest,
        RefusalReason.BadRequest,
        "invalid_request_error",
        $"The request body {facts.Problem ?? (facts.IsComplete ? "names no model" : "was cut off")}, so what it may cost can't be told, and a budget or a key that asks for it is strict about models or amounts.");
}

/// <summary>A request as admission sees it.</summary>
/// <param name="World">What is configured for it.</param>
/// <param name="Upstream">Where it goes.</param>
/// <param name="Operation">What is asked.</param>
/// <param name="Key">Whose it is.</param>
/// <param name="RequestId">What it is called.</param>
/// <param name="Arrival">When it came in.</param>
/// <param name="IsUnmeteredSpend">Whether it may cost something that no row will tell of.</param>
internal readonly record struct AdmissionRequest(
    World World, Upstream Upstream, Operation Operation, VirtualKey Key, Guid RequestId, Arrival Arrival, bool IsUnmeteredSpend);

/// <summary>How admission went.</summary>
/// <param name="Refusal">Why not; null when the request may go on.</param>
/// <param name="Body">The room that its body takes; null when none does.</param>
/// <param name="BodyWait">How long the client's body was waited for, in timestamp ticks.</param>
internal readonly record struct Admitted(Refusal? Refusal, HeldBody? Body, long BodyWait = 0);
