using System.Text;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Hosting;

/// <summary>The lines printed when the gateway runs: where everything is, and what to paste for Claude Code.</summary>
internal static class StartBanner
{
    /// <summary>Writes them.</summary>
    /// <param name="options">What was configured.</param>
    /// <param name="proxy">Where the proxy listens.</param>
    /// <param name="admin">Where the admin listener listens.</param>
    /// <param name="madeAdminToken">The admin token made for this run, shown here and nowhere else; null when one is configured.</param>
    public static string Write(TollgateOptions options, IEnumerable<string> proxy, IEnumerable<string> admin, string? madeAdminToken)
    {
        var proxyAddress = proxy.First();
        var upstream = options.Upstreams.ContainsKey("anthropic") ? "anthropic" : options.Upstreams.Keys.First();
        var text = new StringBuilder()
            .AppendLine()
            .AppendLine($"Tollgate is running.")
            .AppendLine($"  proxy   {string.Join(", ", proxy)}  ({string.Join(", ", options.Upstreams.Select(static pair => $"/{pair.Key} -> {pair.Value.BaseUrl}"))})")
            .AppendLine($"  admin   {string.Join(", ", admin.Select(static address => address + "/"))}  (/metrics, /healthz, /readyz, /api)")
            .AppendLine($"  ledger  {Ledger(options.Storage)}")
            .AppendLine()
            .AppendLine("For Claude Code, paste into your shell:")
            .AppendLine($"  export ANTHROPIC_BASE_URL={proxyAddress}/{upstream}")
            .AppendLine("  claude");
        if (madeAdminToken is not null)
        {
            text.AppendLine().AppendLine("Admin token of this run, as admin.token is not given (shown this once):").AppendLine($"  export TOLLGATE_ADMIN_TOKEN={madeAdminToken}");
        }

        return text.ToString();
    }

    private static string Ledger(StorageOptions storage) => storage.Mode switch
    {
        StorageMode.Embedded => $"{storage.Listen}  (ClickHouse; table tollgate.requests; files in {Path.GetFullPath(storage.DataDirectory)})",
        StorageMode.ClickHouse => "the configured ClickHouse, table tollgate.requests",
        _ => "none (storage.mode is none): metrics only",
    };
}
