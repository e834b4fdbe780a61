using System.CommandLine;
using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace Tollgate.Demo.Dashboards;

/// <summary><c>dashboards</c>: asks what the dashboards ask, and writes the answers to files that pictures are drawn from.</summary>
internal static class DashboardsVerb
{
    /// <summary>The verb.</summary>
    public static Command Create(TextWriter output, TextWriter error, TimeProvider time)
    {
        var store = new Option<string>("--store") { Description = "Address of the store that has the history.", DefaultValueFactory = static _ => "http://127.0.0.1:8123" };
        var prometheus = new Option<string?>("--prometheus") { Description = "Address of a Prometheus that scrapes the gateway every second. Default: the ClickHouse set only." };
        var seconds = new Option<int>("--seconds") { Description = "How far back Prometheus is asked.", DefaultValueFactory = static _ => 60 };
        var folder = new Option<string>("--dashboards") { Description = "Where the dashboards are.", DefaultValueFactory = static _ => "deploy/grafana" };
        var into = new Option<string>("--into") { Description = "Where the answers go.", DefaultValueFactory = static _ => "artifacts/dashboards" };
        var command = new Command("dashboards", "Asks every query of the dashboards and writes the answers.") { store, prometheus, seconds, folder, into };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var asked = 0;
            using var http = new HttpMessageInvoker(new SocketsHttpHandler { UseProxy = false });
            foreach (var dashboard in Dashboard.ReadAll(parsed.GetValue(folder)!).Where(dashboard => !dashboard.IsPrometheus || parsed.GetValue(prometheus) is not null))
            {
                var now = time.GetUtcNow();
                var macros = new DashboardMacros(now - (dashboard.IsPrometheus ? TimeSpan.FromSeconds(parsed.GetValue(seconds)) : dashboard.Length), now, new Dictionary<string, string>());
                var answers = new JsonObject();
                foreach (var query in dashboard.Queries)
                {
                    using var request = dashboard.IsPrometheus
                        ? PromQl(parsed.GetValue(prometheus)!, macros, query, now, TimeSpan.FromSeconds(parsed.GetValue(seconds)))
                        : Sql(parsed.GetValue(store)!, macros, query);
                    using var response = await http.SendAsync(request, cancellationToken);
                    var text = await response.Content.ReadAsStringAsync(cancellationToken);
                    if (!response.IsSuccessStatusCode)
                    {
                        await error.WriteLineAsync($"{dashboard.Name}, {query.Panel} {query.RefId} is refused with {(int)response.StatusCode}: {text}");
                        return 1;
                    }

                    answers[string.Create(CultureInfo.InvariantCulture, $"{query.PanelId}{query.RefId}")] = JsonNode.Parse(text);
                    asked++;
                }

                var path = Path.Combine(parsed.GetValue(into)!, dashboard.Name + ".json");
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                await File.WriteAllTextAsync(path, answers.ToJsonString(), cancellationToken);
            }

            await output.WriteLineAsync($"The answers to {asked} queries are in {parsed.GetValue(into)}.");
            return 0;
        });
        return command;
    }

    private static HttpRequestMessage Sql(string store, DashboardMacros macros, DashboardQuery query) =>
        new(HttpMethod.Post, store) { Content = new StringContent(macros.Sql(query.Text, macros.Step(query)) + "\nFORMAT JSONCompact", Encoding.UTF8) };

    private static HttpRequestMessage PromQl(string prometheus, DashboardMacros macros, DashboardQuery query, DateTimeOffset now, TimeSpan over)
    {
        var text = Uri.EscapeDataString(macros.PromQl(query.Text, TimeSpan.FromSeconds(10)));
        var (from, to) = ((now - over).ToUnixTimeSeconds(), now.ToUnixTimeSeconds());
        var path = query.IsRange
            ? string.Create(CultureInfo.InvariantCulture, $"/api/v1/query_range?query={text}&start={from}&end={to}&step=1")
            : string.Create(CultureInfo.InvariantCulture, $"/api/v1/query?query={text}&time={to}");
        return new(HttpMethod.Get, prometheus.TrimEnd('/') + path);
    }
}
