using System.Globalization;
using Tollgate.Demo.History;

namespace Tollgate.Demo.Live;

/// <summary>The lines printed once the demo runs: where everything is, and what to try.</summary>
internal static class DemoBanner
{
    /// <summary>Writes them.</summary>
    public static string Write(DemoPlaces places, DemoHistory history, DemoSettings settings)
    {
        var (since, until) = (Day(history.Start), Day(history.End));
        var range = $"tz='UTC', since='{since}', until='{until}'";
        return $"""

            Tollgate's demo is running. There is no provider behind it and nothing costs money.
              proxy    {places.Proxy}/anthropic   (a real Claude Code too: export ANTHROPIC_BASE_URL={places.Proxy}/anthropic and a key from {places.Directory}/{DemoPlaces.KeysFile})
              metrics  {places.Admin}/metrics   (counts what came since the start; the ledger has the history too)
              SQL      {places.Store}   (ClickHouse; table tollgate.requests, views as in docs/spend-queries.md)
              files    {places.Directory}

            In another terminal:
              q() {Quote(places)}
              q "SELECT day, developers, requests, cost FROM tollgate.spend_by_day({range})"
              q "SELECT developer, cost, share_percent FROM tollgate.spend_by_developer({range})"
              q "SELECT session_id, developer, requests, cost FROM tollgate.spend_by_session({range}) LIMIT 5"
              q "SELECT developer, day, cost, median_cost FROM tollgate.spend_outliers({range})"
              curl -s {places.Admin}/metrics | grep -E '^tollgate_(cost_total|budget_spent_usd)'
              export TOLLGATE_ADMIN_TOKEN=$(cat {places.Directory}/{DemoPlaces.TokenFile}); artifacts/bin/Tollgate/release/tollgate budgets state --url {places.Admin}

            {(settings.Length is { } length ? string.Create(CultureInfo.InvariantCulture, $"It ends by itself after {length.TotalSeconds:0} s.") : "It is stopped by Ctrl-C, and leaves no process behind.")}

            """;
    }

    private static string Quote(DemoPlaces places) => "{ curl -s " + places.Store + " --data-binary \"$1 FORMAT PrettyCompactMonoBlock\"; }";

    private static string Day(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
}
