using System.Text.RegularExpressions;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Configuration;

/// <summary>What no attribute can say: rules over a name, over two keys, or over what is on this machine.</summary>
internal static partial class CrossFieldRules
{
    /// <summary>First segments of the proxy's own routes, which no upstream may be called.</summary>
    internal static readonly string[] ReservedNames = ["api", "v1"];

    /// <summary>Labels that Tollgate sets itself, or that Prometheus keeps for itself.</summary>
    internal static readonly string[] ReservedLabels =
    [
        "customer", "error_type", "instance", "job", "key_id", "key_name", "le", "model", "name", "phase", "provider", "quantile",
        "reason", "scope", "status_code", "team", "token_type", "window",
    ];

    /// <summary>Checks everything that was read without a problem of its own.</summary>
    public static void Check(TollgateOptions options, ProblemList problems)
    {
        CheckUpstreams(options, problems);
        SpendRules.Check(options, problems);
        CheckAdmin(options.Admin, problems);
        CheckStorage(options.Storage, problems);
        CheckSpool(options.Spool, problems);
        CheckLabels(options.Metrics.Labels, problems);
        AlertThresholdRules.Check(options, problems);
        ListenRules.Check(options, problems);
        ListenRules.RequireFile(options.Prices.File, "prices.file", problems);
    }

    private static void CheckUpstreams(TollgateOptions options, ProblemList problems)
    {
        if (options.Upstreams.Count == 0 && !problems.Has("upstreams"))
        {
            problems.Add("upstreams", "is empty, so no request could go anywhere. Name at least one, such as \"anthropic\": { \"baseUrl\": \"https://api.anthropic.com\" }.");
        }

        foreach (var (name, upstream) in options.Upstreams)
        {
            var path = ConfigurationPath.Join("upstreams", name);
            if (!UpstreamName.IsMatch(name))
            {
                problems.Add(path, $"{ConfigurationPath.Quote(name)} can't be a path's first segment. Use 1 to 64 characters of a-z, 0-9, hyphen and underscore, starting with a letter or digit.");
            }
            else if (ReservedNames.Contains(name))
            {
                problems.Add(path, $"{ConfigurationPath.Quote(name)} is the beginning of the proxy's own routes ({string.Join(", ", ReservedNames.Select(one => $"/{one}"))}). Choose another name.");
            }

            var urlPath = $"{path}.baseUrl";
            if (!problems.Has(urlPath))
            {
                CheckBaseUrl(upstream, urlPath, problems);
            }
        }
    }

    private static void CheckBaseUrl(UpstreamOptions upstream, string path, ProblemList problems)
    {
        // A user name or password may stand anywhere before an @, and a query may hold a key: then nothing of the value is shown.
        var shown = upstream.BaseUrl.AsSpan().ContainsAny('@', '?', '#') ? "has a user name, a query or a fragment (not shown)" : $"is {ConfigurationPath.Quote(upstream.BaseUrl)}";
        if (!Uri.TryCreate(upstream.BaseUrl, UriKind.Absolute, out var url)
            || (url.Scheme != Uri.UriSchemeHttp && url.Scheme != Uri.UriSchemeHttps)
            || url.Host.Length == 0
            || upstream.BaseUrl.AsSpan().ContainsAny('@', '?', '#'))
        {
            problems.Add(path, $"{shown}, but must be http:// or https:// with a host and at most a port and a path, such as https://api.anthropic.com. A credential belongs in apiKey.");
        }
        else if (url.Scheme == Uri.UriSchemeHttp && upstream.HasKey && !url.IsLoopback)
        {
            problems.Warn(path, $"{shown}: apiKey is sent there without TLS. Use https:// unless the network is trusted.");
        }
    }

    private static void CheckAdmin(AdminOptions admin, ProblemList problems)
    {
        if (admin.Token.Length is > 0 and < AdminOptions.LeastTokenLength && !problems.Has("admin.token"))
        {
            problems.Add("admin.token", $"has {admin.Token.Length} characters (not shown), but must have {AdminOptions.LeastTokenLength} or more. Make one with openssl rand -hex 32, or remove the key to have one made at each start.");
        }

        if (admin.Token.AsSpan().ContainsAnyExceptInRange('!', '~') && !problems.Has("admin.token"))
        {
            problems.Add("admin.token", "has a character (not shown) that can't stand in a header. Use visible ASCII alone.");
        }

        for (var i = 0; i < admin.Hosts.Count; i++)
        {
            if (Uri.CheckHostName(admin.Hosts[i]) == UriHostNameType.Unknown)
            {
                problems.Add(ConfigurationPath.Join("admin.hosts", i), $"is {ConfigurationPath.Quote(admin.Hosts[i])}, but must be a host's name or address without scheme and port, such as tollgate.example.com.");
            }
        }

        if (admin.Oidc is { } oidc)
        {
            CheckOidc(oidc, problems);
        }
    }

    private static void CheckOidc(OidcOptions oidc, ProblemList problems)
    {
        if (!problems.Has("admin.oidc.authority")
            && !(Uri.TryCreate(oidc.Authority, UriKind.Absolute, out var authority) && (authority.Scheme == Uri.UriSchemeHttps || (authority.Scheme == Uri.UriSchemeHttp && authority.IsLoopback))))
        {
            problems.Add("admin.oidc.authority", $"is {ConfigurationPath.Quote(oidc.Authority)}, but must be https:// (http:// on loopback alone), such as https://login.example.com.");
        }
    }

    private static void CheckStorage(StorageOptions storage, ProblemList problems)
    {
        if (problems.Has("storage.mode") || problems.Has("storage.connectionString"))
        {
            return;
        }

        var mode = OptionsShape.EnumText(storage.Mode);
        if (storage.Mode == StorageMode.ClickHouse && storage.ConnectionString.Length == 0)
        {
            problems.Add("storage.connectionString", "is required by storage.mode \"clickhouse\". Give it, such as \"env:CLICKHOUSE_CONNECTION\", or set the mode to \"embedded\".");
        }

        if (storage.Mode != StorageMode.ClickHouse && storage.ConnectionString.Length > 0)
        {
            problems.Add("storage.connectionString", $"is given, but storage.mode is \"{mode}\" and would not use it. Set the mode to \"clickhouse\", or remove the connection string.");
        }

        if (storage.Mode != StorageMode.ClickHouse && storage.Cluster.Length > 0)
        {
            problems.Add("storage.cluster", $"is {ConfigurationPath.Quote(storage.Cluster)}, but storage.mode is \"{mode}\", which has no cluster. Set the mode to \"clickhouse\", or remove the cluster.");
        }
    }

    private static void CheckSpool(SpoolOptions spool, ProblemList problems)
    {
        var least = (long)SpoolOptions.LeastSegments * spool.SegmentBytes;
        if (spool.MaxBytes < least && !problems.Has("spool.maxBytes") && !problems.Has("spool.segmentBytes"))
        {
            problems.Add(
                "spool.maxBytes",
                $"is {spool.MaxBytes}, which holds fewer than {SpoolOptions.LeastSegments} segments of spool.segmentBytes {spool.SegmentBytes}. "
                + $"Make it {least} or more, or make spool.segmentBytes {spool.MaxBytes / SpoolOptions.LeastSegments} or less.");
        }
    }

    private static void CheckLabels(IReadOnlyList<string> labels, ProblemList problems)
    {
        for (var i = 0; i < labels.Count; i++)
        {
            var path = ConfigurationPath.Join("metrics.labels", i);
            if (problems.Has(path))
            {
                continue;
            }

            if (!LabelName.IsMatch(labels[i]) || labels[i].StartsWith("__", StringComparison.Ordinal))
            {
                problems.Add(path, $"is {ConfigurationPath.Quote(labels[i])}, but must be 1 to 64 letters, digits and underscores, not starting with a digit or two underscores.");
            }
            else if (ReservedLabels.Contains(labels[i]))
            {
                problems.Add(path, $"is {ConfigurationPath.Quote(labels[i])}, a label that has a meaning already. Choose another name.");
            }
            else if (labels.Take(i).Contains(labels[i]))
            {
                problems.Add(path, $"is {ConfigurationPath.Quote(labels[i])}, which is listed before. Remove one.");
            }
        }
    }

    [GeneratedRegex(@"^[a-z0-9][a-z0-9_-]{0,63}\z")]
    private static partial Regex UpstreamName { get; }

    [GeneratedRegex(@"^[a-zA-Z_][a-zA-Z0-9_]{0,63}\z")]
    private static partial Regex LabelName { get; }
}
