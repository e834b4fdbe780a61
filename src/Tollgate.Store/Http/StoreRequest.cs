using System.Text;
using Microsoft.Extensions.Primitives;
using Tollgate.Store.Engine;

namespace Tollgate.Store.Http;

/// <summary>What a request asks for beside its statement: database, format, parameters, settings.</summary>
/// <remarks>Source: docs/en/interfaces/http.md of ClickHouse. A name in the URL that is not reserved is a setting.</remarks>
internal sealed record StoreRequest
{
    // Settings that only an HTTP server knows; what they ask for is done here or does not matter to us.
    private static readonly HashSet<string> HttpOnly = new(StringComparer.Ordinal)
    {
        "enable_http_compression", "http_zlib_compression_level", "send_progress_in_http_headers", "http_headers_progress_interval_ms",
        "add_http_cors_header", "cancel_http_readonly_queries_on_client_close", "http_write_exception_in_output_format", "http_response_buffer_size",
    };

    private static readonly HashSet<string> Passed = new(StringComparer.Ordinal)
    {
        "quota_key", "role", "wait_end_of_query", "buffer_size", "stacktrace", "client_protocol_version", "session_timeout", "session_check", "close_session",
    };

    /// <summary>The statement's beginning, from the URL; may be empty.</summary>
    public string UrlText { get; private init; } = string.Empty;

    /// <summary>The database that unqualified names mean.</summary>
    public string Database { get; private init; } = "default";

    /// <summary>The format of the answer where the statement names none.</summary>
    public string DefaultFormat { get; private init; } = "TabSeparated";

    /// <summary>The id that the answer carries.</summary>
    public string QueryId { get; private init; } = string.Empty;

    /// <summary>The answer's content coding; empty for none.</summary>
    public string Coding { get; private init; } = string.Empty;

    /// <summary>Values of <c>{name:Type}</c> placeholders.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Parameters { get; private init; } = [];

    /// <summary>Settings for this statement.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; private init; } = new Dictionary<string, string>();

    /// <summary>Whether the setting readonly asks for no writing.</summary>
    /// <remarks>Never set on a connection: the engine would not let it be taken back for the next request.</remarks>
    public bool IsReadOnly { get; private init; }

    /// <summary>A form's <c>query</c> part; null when the body is not a form.</summary>
    public string? FormText { get; private init; }

    /// <summary>Reads a request.</summary>
    /// <exception cref="EngineException">516 for another user; 48 for what this store does not do.</exception>
    public static async Task<StoreRequest> ReadAsync(HttpRequest http, CancellationToken cancellationToken)
    {
        RequireDefaultUser(http);
        var urlText = string.Empty;
        var database = Header(http, "X-ClickHouse-Database");
        var format = Header(http, "X-ClickHouse-Format");
        var queryId = Header(http, "X-ClickHouse-Query-Id");
        var compresses = true;
        var parameters = new List<KeyValuePair<string, string>>();
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        var isReadOnly = false;
        foreach (var (name, values) in http.Query)
        {
            var value = values[0] ?? string.Empty;
            switch (name)
            {
                case "query":
                    urlText = value;
                    break;
                case "database":
                    database = value;
                    break;
                case "default_format":
                    format = value;
                    break;
                case "query_id":
                    queryId = value;
                    break;
                case "session_id":
                    throw Unsupported("Sessions (session_id) are");
                case "compress" or "decompress" when value is not ("0" or ""):
                    throw Unsupported("ClickHouse's own block compression (compress=1, decompress=1) is", "Use Accept-Encoding and Content-Encoding.");
                case "user" or "password" or "compress" or "decompress":
                    break;
                case "enable_http_compression":
                    compresses = value is not ("0" or "false");
                    break;
                case "readonly":
                    isReadOnly = value is not ("0" or "");
                    break;
                case "allow_ddl":
                    throw Unsupported("The setting allow_ddl, which a connection cannot take back, is");
                default:
                    Classify(name, value, parameters, settings);
                    break;
            }
        }

        string? formText = null;
        if (http.HasFormContentType && http.ContentType!.StartsWith("multipart/form-data", StringComparison.OrdinalIgnoreCase))
        {
            formText = await ReadFormAsync(http, parameters, settings, cancellationToken);
        }

        return new StoreRequest
        {
            UrlText = urlText,
            Database = database.Length > 0 ? database : "default",
            DefaultFormat = format.Length > 0 ? format : "TabSeparated",
            QueryId = queryId.Length > 0 ? queryId : Guid.NewGuid().ToString(),
            Coding = compresses ? BodyCoding.Choose(http.Headers.AcceptEncoding.ToString()) : string.Empty,
            Parameters = parameters,
            Settings = settings,
            IsReadOnly = isReadOnly,
            FormText = formText,
        };
    }

    private static void Classify(string name, string value, List<KeyValuePair<string, string>> parameters, Dictionary<string, string> settings)
    {
        const string Parameter = "param_";
        if (name.StartsWith(Parameter, StringComparison.Ordinal))
        {
            parameters.Add(new KeyValuePair<string, string>(name[Parameter.Length..], value));
        }
        else if (!HttpOnly.Contains(name) && !Passed.Contains(name))
        {
            settings[name] = value;
        }
    }

    private static async Task<string> ReadFormAsync(
        HttpRequest http, List<KeyValuePair<string, string>> parameters, Dictionary<string, string> settings, CancellationToken cancellationToken)
    {
        var form = await http.ReadFormAsync(cancellationToken);
        if (form.Files.Any(static file => file.Name != "query" && !file.Name.StartsWith("param_", StringComparison.Ordinal)))
        {
            throw Unsupported("External tables in a form are");
        }

        var text = string.Empty;
        foreach (var file in form.Files)
        {
            using var reader = new StreamReader(file.OpenReadStream());
            var value = await reader.ReadToEndAsync(cancellationToken);
            if (file.Name == "query")
            {
                text = value;
            }
            else
            {
                Classify(file.Name, value, parameters, settings);
            }
        }

        foreach (var (name, values) in form)
        {
            if (name == "query")
            {
                text = values[0] ?? string.Empty;
            }
            else
            {
                Classify(name, values[0] ?? string.Empty, parameters, settings);
            }
        }

        return text;
    }

    private static void RequireDefaultUser(HttpRequest http)
    {
        var user = First(http.Query["user"], http.Headers["X-ClickHouse-User"]);
        var password = First(http.Query["password"], http.Headers["X-ClickHouse-Key"]);
        const string Basic = "Basic ";
        var authorization = http.Headers.Authorization.ToString();
        if (authorization.StartsWith(Basic, StringComparison.OrdinalIgnoreCase))
        {
            var decoded = new byte[authorization.Length];
            var text = Convert.TryFromBase64String(authorization[Basic.Length..].Trim(), decoded, out var length) ? Encoding.UTF8.GetString(decoded, 0, length) : "?";
            var colon = text.IndexOf(':', StringComparison.Ordinal);
            user = colon < 0 ? text : text[..colon];
            password = colon < 0 ? string.Empty : text[(colon + 1)..];
        }

        if (user is not ("" or "default") || password.Length > 0)
        {
            throw EngineException.Make(
                ErrorCodes.AuthenticationFailed,
                "AUTHENTICATION_FAILED",
                "Authentication failed: this store has one user, default, without a password.");
        }

        static string First(StringValues one, StringValues other) => one.Count > 0 ? one.ToString() : other.ToString();
    }

    private static string Header(HttpRequest http, string name) => http.Headers[name].ToString();

    private static EngineException Unsupported(string what, string instead = "") =>
        EngineException.Make(ErrorCodes.NotImplemented, "NOT_IMPLEMENTED", $"{what} not supported by this store. {instead}".TrimEnd());
}
