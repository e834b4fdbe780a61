using System.Globalization;
using System.Text.Json;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Facts;

namespace Tollgate.Webhooks;

/// <summary>A budget's threshold as an event: a sentence that chats show, and the figures for programs.</summary>
internal static class BudgetEvent
{
    /// <summary>What it is called in a webhook's <c>events</c>.</summary>
    public const string Kind = "budget.threshold";

    /// <summary>Names the event: the same threshold in the same window is the same event, whoever sees it and however often.</summary>
    public static string IdOf(BudgetWarning warning) => string.Create(
        CultureInfo.InvariantCulture,
        $"{Kind}/{warning.State.Budget.Id}/{warning.State.Value}/{StartOf(warning.State):yyyyMMddTHHmmssZ}/{warning.Threshold}");

    /// <summary>What is sent. <c>text</c> is what Slack and those like it show.</summary>
    public static string JsonOf(BudgetWarning warning)
    {
        var state = warning.State;
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("text", TextOf(warning));
            json.WriteString("event", Kind);
            json.WriteString("id", IdOf(warning));
            json.WriteNumber("threshold", warning.Threshold);
            json.WriteStartObject("budget");
            json.WriteString("id", state.Budget.Id);
            json.WriteString("scope", state.Budget.Scope.ToString().ToLowerInvariant());
            json.WriteString("value", state.Value);
            json.WriteString("window", state.Budget.Window);
            json.WriteString("unit", state.IsUsd ? "USD" : "tokens");
            json.WriteString("spent", Exact(state, state.Spent));
            json.WriteString("limit", Exact(state, state.Limit));
            if (state.WindowEnd is { } end)
            {
                json.WriteString("resetsAt", end);
            }

            json.WriteEndObject();
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    private static string TextOf(BudgetWarning warning)
    {
        var state = warning.State;
        var whose = state.Value.Length == 0 ? string.Empty : $" ({state.Budget.Scope.ToString().ToLowerInvariant()} {Escape(state.Value)})";
        var unit = state.IsUsd ? "$" : string.Empty;
        var tail = state.IsUsd ? string.Empty : " tokens";
        return $"Budget {state.Budget.Id}{whose} has reached {warning.Threshold} %: {unit}{Exact(state, state.Spent)} of {unit}{Exact(state, state.Limit)}{tail}.";
    }

    // The rolling window's start moves with every request; the day is enough to tell events apart there.
    private static DateTimeOffset StartOf(BudgetState state) => state.WindowStart is not { } start ? DateTimeOffset.UnixEpoch
        : state.Budget.Window.Length > 0 && char.IsDigit(state.Budget.Window[0]) ? new DateTimeOffset(state.WindowEnd!.Value.UtcDateTime.Date, TimeSpan.Zero)
        : start;

    private static string Exact(BudgetState state, long amount) =>
        state.IsUsd ? new Nanodollars(amount).ToDollars().ToString("0.00#######", CultureInfo.InvariantCulture) : amount.ToString("N0", CultureInfo.InvariantCulture);

    // A session or project is named by the client: nothing of it may become a link or a mention.
    private static string Escape(string value) => value.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);
}
