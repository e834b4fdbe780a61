using System.Globalization;
using Microsoft.AspNetCore.Http;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Admission;

/// <summary>Puts a verdict into the sentence that the client prints, and the headers that make it stop or wait.</summary>
/// <remarks>
/// Source of the shape: Claude Code 2.1.330 gives up at once on 429 with <c>x-should-retry: false</c> and prints the message as it is; without the
/// header it asks again for three minutes. <c>representative-claim</c> and <c>overage-status</c> are left off, or it would print a text of its own.
/// </remarks>
internal static class AdmissionRefusal
{
    // Rate limits open again within moments: up to this the client is told to wait, beyond it to give up.
    private static readonly TimeSpan WorthWaiting = TimeSpan.FromMinutes(2);

    /// <summary>The answer for a verdict that is not <see cref="AdmissionAnswer.Admitted"/>.</summary>
    public static Refusal Of(in AdmissionVerdict verdict, in SpendEstimate estimate, string contact, DateTimeOffset now) => verdict.Answer switch
    {
        AdmissionAnswer.LimitReached => OfLimit(verdict),
        AdmissionAnswer.NotKnown => new Refusal(
            StatusCodes.Status503ServiceUnavailable,
            RefusalReason.BudgetUnknown,
            "overloaded_error",
            $"{Named(verdict)} can't be checked yet: what was spent before this gateway's start is still being read from the ledger. It lets nobody in until then, because it is strict.",
            ShouldRetry: true,
            RetryAfter: TimeSpan.FromSeconds(2)),
        AdmissionAnswer.Unbounded => new Refusal(
            StatusCodes.Status429TooManyRequests,
            RefusalReason.BudgetUnbounded,
            "billing_error",
            $"{Named(verdict)} is strict, and nothing bounds what this request may cost: {estimate.Unbounded}{Ask(verdict.Budget!, contact)}"),
        _ => OfBudget(verdict, contact, now),
    };

    private static Refusal OfLimit(in AdmissionVerdict verdict)
    {
        var limit = verdict.Limit!;
        var isUnderWay = limit.Metric is LimitMetric.Concurrency or LimitMetric.Streams;
        var wait = verdict.Wait < TimeSpan.FromSeconds(1) ? TimeSpan.FromSeconds(1) : verdict.Wait;
        var what = limit.Metric switch
        {
            LimitMetric.Requests => $"requests per {Per(limit.Per)}",
            LimitMetric.Input => $"input tokens per {Per(limit.Per)}",
            LimitMetric.Output => $"output tokens per {Per(limit.Per)}",
            LimitMetric.Tokens => $"tokens per {Per(limit.Per)}",
            LimitMetric.Streams => "streams at once",
            _ => "requests at once",
        };
        var message = string.Create(
            CultureInfo.InvariantCulture,
            $"Rate limit \"{limit.Id}\"{Whose(limit.Scope, verdict.Value)} allows {verdict.Most:N0} {what}; {verdict.Spent:N0} are {(isUnderWay ? "under way" : "used")}. Try again in {Duration(wait)}.");
        return new Refusal(StatusCodes.Status429TooManyRequests, RefusalReason.RateLimit, "rate_limit_error", message, wait <= WorthWaiting, wait);
    }

    private static Refusal OfBudget(in AdmissionVerdict verdict, string contact, DateTimeOffset now)
    {
        var budget = verdict.Budget!;
        var left = verdict.Most - verdict.Spent;
        var amounts = $"{Amount(budget, verdict.Spent)} of {Amount(budget, verdict.Most)}";
        var state = left <= 0
            ? $"is spent: {amounts}."
            : $"has too little left: {amounts} spent{(verdict.Held > 0 ? $", {Amount(budget, verdict.Held)} held by requests under way" : "")}, and this request may take {Amount(budget, verdict.Needed)}.";
        var reset = verdict.RetryAt is { } at ? new DateTimeOffset(at, TimeSpan.Zero) : (DateTimeOffset?)null;
        var message = $"{Named(verdict)} {state}{Reset(budget, reset)}{Ask(budget, contact)}";

        // At least a second: the window may end in this very moment.
        var retryAfter = reset is { } then ? Max(then - now, TimeSpan.FromSeconds(1)) : TimeSpan.Zero;
        return new Refusal(StatusCodes.Status429TooManyRequests, RefusalReason.Budget, "billing_error", message, ShouldRetry: false, retryAfter)
        {
            Headers = HeadersOf(budget, reset),
        };
    }

    private static List<KeyValuePair<string, string>> HeadersOf(BudgetOptions budget, DateTimeOffset? reset)
    {
        var headers = new List<KeyValuePair<string, string>>
        {
            new("anthropic-ratelimit-unified-status", "rejected"),
            new("anthropic-ratelimit-unified-overage-utilization", "1"),
            new("anthropic-ratelimit-unified-overage-surpassed-threshold", "1"),
            new("anthropic-ratelimit-unified-overage-disabled-reason", "org_spend_cap_reached"),
            new("x-tollgate-budget", budget.Id),
        };
        if (reset is { } at)
        {
            var seconds = at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
            headers.Add(new("anthropic-ratelimit-unified-reset", seconds));
            headers.Add(new("anthropic-ratelimit-unified-overage-reset", seconds));
        }

        if (budget.Window is "day" or "week" or "month")
        {
            headers.Add(new("anthropic-ratelimit-unified-overage-period", budget.Window == "day" ? "daily" : $"{budget.Window}ly"));
        }

        return headers;
    }

    private static string Named(in AdmissionVerdict verdict) => $"Budget \"{verdict.Budget!.Id}\"{Whose(verdict.Budget.Scope, verdict.Value)}";

    private static string Whose(ScopeKind scope, string? value) =>
        scope == ScopeKind.Everything ? string.Empty : $" ({scope.ToString().ToLowerInvariant()} {value})";

    private static string Amount(BudgetOptions budget, long amount) =>
        budget.LimitUsd is not null ? Cents(amount) : string.Create(CultureInfo.InvariantCulture, $"{amount:N0} tokens");

    /// <summary>Money to the hundredth of a cent: a refused person wants to know roughly, and the API says exactly.</summary>
    private static string Cents(long nanodollars) => ((decimal)nanodollars / Nanodollars.PerDollar).ToString("$0.00##", CultureInfo.InvariantCulture);

    private static string Reset(BudgetOptions budget, DateTimeOffset? reset)
    {
        if (reset is not { } at)
        {
            return " It does not reset.";
        }

        var zone = TimeZoneInfo.TryFindSystemTimeZoneById(budget.TimeZone, out var found) ? found : TimeZoneInfo.Utc;
        return string.Create(CultureInfo.InvariantCulture, $" It resets {TimeZoneInfo.ConvertTime(at, zone):MMM d, HH:mm} {budget.TimeZone}.");
    }

    private static string Ask(BudgetOptions budget, string contact)
    {
        var whom = budget.Contact.Length > 0 ? budget.Contact : contact;
        return whom.Length > 0 ? $" Ask {whom}." : string.Empty;
    }

    private static string Per(TimeSpan time) => time switch
    {
        { TotalSeconds: 1 } => "second",
        { TotalMinutes: 1 } => "minute",
        { TotalHours: 1 } => "hour",
        { TotalDays: 1 } => "day",
        _ => Duration(time),
    };

    // Rounded up: whoever waits that long has waited long enough.
    private static string Duration(TimeSpan time) => time switch
    {
        { TotalDays: >= 2 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalDays):N0} days"),
        { TotalHours: >= 2 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalHours):N0} hours"),
        { TotalMinutes: >= 2 } => string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalMinutes):N0} minutes"),
        { TotalSeconds: 1 } => "1 second",
        _ => string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalSeconds):N0} seconds"),
    };

    private static TimeSpan Max(TimeSpan left, TimeSpan right) => left > right ? left : right;
}
