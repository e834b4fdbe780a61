using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using Tollgate.Admin;
using Tollgate.Admin.Access;
using Tollgate.Control;
using Tollgate.Hosting;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Tests.Admin;

/// <summary>The admin listener on an ephemeral port over a real SQLite store, with a clock and admission states that the test sets.</summary>
internal sealed class AdminHost : IAsyncDisposable
{
    public const string Token = "an-administrators-token-for-tests";

    private readonly string _directory = Directory.CreateTempSubdirectory("tollgate-admin").FullName;
    private readonly Drain _drain = new(TimeProvider.System);
    private WebApplication _app = null!;

    public FakeTimeProvider Time { get; } = new(new DateTimeOffset(2026, 11, 25, 12, 0, 0, TimeSpan.Zero));

    public ControlStore Store { get; private set; } = null!;

    public FakeStates States { get; } = new();

    public LogLines Logs { get; } = new();

    public Uri Address { get; private set; } = null!;

    public WebApplication App => _app;

    public HttpClient Client { get; private set; } = null!;

    public static async Task<AdminHost> StartAsync(Func<AdminOptions, AdminOptions>? change = null, TollgateOptions? declared = null, TimeProvider? time = null, bool https = false, Func<IControlStore, IControlStore>? wrap = null)
    {
        var host = new AdminHost();
        var clock = time ?? host.Time;
        host.Store = await ControlStore.OpenAsync(new ControlOptions(), host._directory, clock, CancellationToken.None);
        await host.Store.SetDeclaredAsync(declared ?? new TollgateOptions(), CancellationToken.None);
        var options = new AdminOptions { Listen = [https ? "https://127.0.0.1:0" : "http://127.0.0.1:0"], Token = Token };
        options = change?.Invoke(options) ?? options;
        var loggers = LoggerFactory.Create(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(host.Logs));
        var api = new AdminApi(options, AdminApi.TokenOf(options), static () => ["anthropic", "bedrock"], wrap?.Invoke(host.Store) ?? host.Store, host.Store.Sessions, host.States, clock, loggers);
        var endpoints = new AdminEndpoints(new GatewayMetrics(new MetricsOptions()), new Readiness(host._drain, null, null, null, null));
        host._app = Listeners.Admin(options, https ? host.MakeCertificate() : null, loggers, endpoints, api, InheritedSockets.None);
        await host._app.StartAsync();
        host.Address = new Uri(host._app.Urls.First());
        host.Client = host.NewClient();
        return host;
    }

    public HttpClient NewClient() => new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false, SslOptions = { RemoteCertificateValidationCallback = static (_, certificate, _, _) => certificate?.Subject == "CN=localhost" } }) { BaseAddress = Address, Timeout = TimeSpan.FromSeconds(30) };

    /// <summary>Sends a request; as the administrator unless <paramref name="token"/> says otherwise, empty for nobody.</summary>
    public async Task<Answer> SendAsync(HttpMethod method, string path, string? body = null, string? token = null, string? ifMatch = null, Action<HttpRequestMessage>? change = null)
    {
        using var request = new HttpRequestMessage(method, path);
        if (token != "")
        {
            request.Headers.TryAddWithoutValidation("Authorization", $"Bearer {token ?? Token}");
        }

        if (body is not null)
        {
            request.Content = new StringContent(body, Encoding.UTF8);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        }

        if (ifMatch is not null)
        {
            request.Headers.TryAddWithoutValidation("If-Match", ifMatch);
        }

        change?.Invoke(request);
        using var response = await Client.SendAsync(request, TestContext.Current.CancellationToken);
        return new Answer(response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), response.Headers.ETag?.Tag, response);
    }

    public Task<Answer> GetAsync(string path, string? token = null) => SendAsync(HttpMethod.Get, path, token: token);

    public Task<Answer> PostAsync(string path, string body, string? token = null) => SendAsync(HttpMethod.Post, path, body, token);

    public Task<Answer> PutAsync(string path, string body, string? ifMatch = "*", string? token = null) => SendAsync(HttpMethod.Put, path, body, token, ifMatch);

    public Task<Answer> DeleteAsync(string path, string? ifMatch = "*", string? token = null) => SendAsync(HttpMethod.Delete, path, null, token, ifMatch);

    /// <summary>Makes an admin token and returns it whole.</summary>
    public async Task<string> TokenOfAsync(string id, string role, string team = "", string customer = "")
    {
        var made = await PostAsync("/api/admin-tokens", JsonSerializer.Serialize(new { id, role, team, customer }));
        Assert.Equal(HttpStatusCode.Created, made.Status);
        return made.Json.GetProperty("token").GetString()!;
    }

    /// <summary>Makes a virtual key and returns it whole.</summary>
    public async Task<string> KeyOfAsync(string id, string developer = "", string team = "")
    {
        var made = await PostAsync("/api/keys", JsonSerializer.Serialize(new { id, developer, team }));
        Assert.Equal(HttpStatusCode.Created, made.Status);
        return made.Json.GetProperty("key").GetString()!;
    }

    /// <summary>Puts a person and their session into the store, and returns the cookie and the token for changes.</summary>
    public async Task<(string Cookie, string Csrf)> SignInAsync(Person person)
    {
        if (await Store.FindAsync<Person>(person.Id, CancellationToken.None) is null)
        {
            await Store.CreateAsync(person, Actor.Configuration, CancellationToken.None);
        }

        var cookie = Guid.NewGuid().ToString("N");
        var now = Time.GetUtcNow();
        var session = new Session(Convert.ToHexStringLower(AdminTokenFormat.Hash(cookie)), person.Id, person.Role, now, now, now + Sessions.Idle, Guid.NewGuid().ToString("N"));
        await Store.Sessions.CreateSessionAsync(session, CancellationToken.None);
        return ($"{Sessions.PlainCookie}={cookie}", session.Csrf);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _app.DisposeAsync();
        Store.Dispose();
        _drain.Dispose();
        Directory.Delete(_directory, recursive: true);
    }

    private CertificateOptions MakeCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        var path = Path.Combine(_directory, "certificate.pem");
        File.WriteAllText(path, $"{certificate.ExportCertificatePem()}\n{key.ExportPkcs8PrivateKeyPem()}\n");
        return new CertificateOptions { Path = path };
    }

    /// <summary>An answer, read whole.</summary>
    internal sealed record Answer(HttpStatusCode Status, string Body, string? ETag, HttpResponseMessage Response)
    {
        public JsonElement Json => JsonElement.Parse(Body);

        public string Header(string name) => Response.Headers.TryGetValues(name, out var values) || Response.Content.Headers.TryGetValues(name, out values) ? string.Join(", ", values) : "";

        /// <summary>The fields that a problem names.</summary>
        public string[] Fields => [.. Json.GetProperty("errors").EnumerateArray().Select(static error => error.GetProperty("field").GetString()!)];
    }

    internal sealed class FakeStates : IAdmissionStates
    {
        public List<BudgetState> BudgetStates { get; } = [];

        public List<LimitState> LimitStates { get; } = [];

        public IReadOnlyList<BudgetState> Budgets() => BudgetStates;

        public IReadOnlyList<LimitState> Limits() => LimitStates;
    }

    internal sealed class LogLines : ILoggerProvider, ILogger
    {
        private readonly ConcurrentQueue<string> _lines = new();

        public string All => string.Join('\n', _lines);

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            _lines.Enqueue($"{formatter(state, exception)} {exception}");

        public void Dispose()
        {
        }
    }
}
