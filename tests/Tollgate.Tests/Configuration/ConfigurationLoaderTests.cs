using Tollgate.Configuration;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Tests.Configuration;

public sealed class ConfigurationLoaderTests : IDisposable
{
    private const string Canary = "sk-canary-5f1e9c";
    private readonly string _directory = Directory.CreateTempSubdirectory("tollgate-config").FullName;
    private readonly Dictionary<string, string> _environment = new(StringComparer.Ordinal);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Without_a_file_all_is_default()
    {
        var result = new ConfigurationLoader(_environment, _directory).Load(null);
        Assert.Empty(result.Problems);
        Assert.Null(result.File);
        Assert.Equal("https://api.anthropic.com", result.Options!.Upstreams["anthropic"].BaseUrl);
    }

    [Fact]
    public void A_named_file_that_is_missing_is_a_problem() =>
        Assert.Contains("there is no file", Assert.Single(new ConfigurationLoader(_environment, _directory).Load("nowhere.json").Problems).Message, StringComparison.Ordinal);

    [Fact]
    public void Comments_trailing_commas_and_a_schema_are_allowed()
    {
        var result = Load("""{ "$schema": "x", /* a */ "storage": { "mode": "none", }, // b""" + "\n}");
        Assert.Empty(result.Problems);
        Assert.Equal(StorageMode.None, result.Options!.Storage.Mode);
    }

    [Theory]
    [InlineData("""{"requirekey": true}""", "requirekey", "Did you mean \"requireKey\"?")]
    [InlineData("""{"storage": {"zzz": 1}}""", "storage.zzz", "Known here: mode, listen")]
    [InlineData("""{"requireKey": true, "requireKey": false}""", "requireKey", "is given twice")]
    [InlineData("""{"requireKey": "true"}""", "requireKey", "must be true or false")]
    [InlineData("""{"storage": []}""", "storage", "is a list, but must be an object")]
    [InlineData("""{"keys": {}}""", "keys", "must be a list")]
    [InlineData("""{"upstreams": []}""", "upstreams", "must be an object of entries by name")]
    [InlineData("""{"upstreams": {}}""", "upstreams", "Name at least one")]
    [InlineData("""{"storage": {"mode": "clickhose"}}""", "storage.mode", "one of \"embedded\", \"clickhouse\", \"none\"")]
    [InlineData("""{"storage": {"maxThreads": 0}}""", "storage.maxThreads", "is 0, but must be 1 to 256")]
    [InlineData("""{"storage": {"maxThreads": 99999999999}}""", "storage.maxThreads", "must be a whole number")]
    [InlineData("""{"spool": {"maxBytes": 1048576, "segmentBytes": 174763}}""", "spool.maxBytes", "Make it 1048578 or more, or make spool.segmentBytes 174762 or less.")]
    [InlineData("""{"spool": {"maxBytes": 16777216}}""", "spool.maxBytes", "holds fewer than 6 segments of spool.segmentBytes 16777216")]
    [InlineData("""{"proxy": {"drainTimeout": "30"}}""", "proxy.drainTimeout", "must be a duration")]
    [InlineData("""{"proxy": {"drainTimeout": "02:00:00"}}""", "proxy.drainTimeout", "\"00:00:00\" to \"01:00:00\"")]
    [InlineData("""{"proxy": {"listen": []}}""", "proxy.listen", "has 0 entries, but must have 1 to 64")]
    [InlineData("""{"proxy": {"listen": ["127.0.0.1:80"]}}""", "proxy.listen[0]", "must begin with http://")]
    [InlineData("""{"proxy": {"listen": ["http://127.0.0.1"]}}""", "proxy.listen[0]", "must end with a port")]
    [InlineData("""{"proxy": {"listen": ["http://example.com:80"]}}""", "proxy.listen[0]", "must name an IP address")]
    [InlineData("""{"proxy": {"listen": ["https://127.0.0.1:443"]}}""", "proxy.listen[0]", "proxy.certificate is not given")]
    [InlineData("""{"proxy": {"listen": ["http://*:8081"]}}""", "admin.listen[0]", "clashes with proxy.listen[0]")]
    [InlineData("""{"proxy": {"listen": ["fd:proxy"]}}""", "proxy.listen[0]", "must begin with http://")]
    [InlineData("""{"proxy": {"listen": ["http://fd:"]}}""", "proxy.listen[0]", "must name the socket after fd:")]
    [InlineData("""{"proxy": {"listen": ["http://fd:8080"]}}""", "proxy.listen[0]", "must name the socket after fd:")]
    [InlineData("""{"proxy": {"listen": ["h2c://fd:a:b"]}}""", "proxy.listen[0]", "must name the socket after fd:")]
    [InlineData("""{"proxy": {"listen": ["https://fd:proxy"]}}""", "proxy.listen[0]", "proxy.certificate is not given")]
    [InlineData("""{"proxy": {"listen": ["http://fd:a"]}, "admin": {"listen": ["http://fd:a"]}}""", "admin.listen[0]", "Give one of them another socket.")]
    [InlineData("""{"storage": {"listen": "http://fd:store"}}""", "storage.listen", "must be http:// on a loopback address")]
    [InlineData("""{"storage": {"listen": "http://0.0.0.0:8123"}}""", "storage.listen", "must be http:// on a loopback address")]
    [InlineData("""{"storage": {"mode": "clickhouse"}}""", "storage.connectionString", "is required by storage.mode")]
    [InlineData("""{"storage": {"cluster": "c"}}""", "storage.cluster", "which has no cluster")]
    [InlineData("""{"upstreams": {"v1": {"baseUrl": "https://a"}}}""", "upstreams.v1", "the proxy's own routes")]
    [InlineData("""{"upstreams": {"a/b": {"baseUrl": "https://a"}}}""", "upstreams[\"a/b\"]", "can't be a path's first segment")]
    [InlineData("""{"upstreams": {"a": {}}}""", "upstreams.a.baseUrl", "is required")]
    [InlineData("""{"upstreams": {"a": {"baseUrl": "ftp://a"}}}""", "upstreams.a.baseUrl", "must be http:// or https://")]
    [InlineData("""{"upstreams": {"a": {"baseUrl": "https://a", "httpVersion": "3"}}}""", "upstreams.a.httpVersion", "one of \"1.1\", \"2\"")]
    [InlineData("""{"upstreams": {"a": {"baseUrl": "https://a", "apiKey": "env:ABSENT"}}}""", "upstreams.a.apiKey", "no such environment variable")]
    [InlineData("""{"upstreams": {"a": {"baseUrl": "https://a", "apiKey": "env:EMPTY"}}}""", "upstreams.a.apiKey", "which is empty")]
    [InlineData("""{"upstreams": {"a": {"baseUrl": "https://a", "apiKey": "file:absent"}}}""", "upstreams.a.apiKey", "it does not exist")]
    [InlineData("""{"upstreams": {"a": {"baseUrl": "env:URL"}}}""", "upstreams.a.baseUrl", "only secrets are read with env: and file:")]
    [InlineData("""{"metrics": {"labels": ["model"]}}""", "metrics.labels[0]", "has a meaning already")]
    [InlineData("""{"metrics": {"labels": ["a-b"]}}""", "metrics.labels[0]", "must be 1 to 64 letters")]
    [InlineData("""{"prices": {"file": "absent.json"}}""", "prices.file", "no such file")]
    public void A_mistake_is_told_with_its_path_and_what_to_change(string json, string path, string text)
    {
        _environment["EMPTY"] = "\n";
        var result = Load(json);
        Assert.Null(result.Options);
        Assert.Contains(result.Problems, problem => problem.Path == path && problem.Message.Contains(text, StringComparison.Ordinal));
    }

    [Fact]
    public void All_problems_are_told_at_once() =>
        Assert.Equal(
            ["storage.mode", "storage.maxThreads", "reqireKey", "proxy.listen[0]"],
            Load("""{"proxy": {"listen": ["x"]}, "storage": {"mode": "x", "maxThreads": 0}, "reqireKey": 1}""").Problems.Select(problem => problem.Path));

    [Fact]
    public void Key_ids_are_unique()
    {
        var key = $$"""{"id": "abcd", "hash": "sha256:{{new string('0', 64)}}"}""";
        var problem = Assert.Single(Load($$"""{"keys": [{{key}}, {{key}}]}""").Problems);
        Assert.Equal("keys[1].id: is \"abcd\", as is keys[0].id. Each needs an id of its own.", problem.ToString());
    }

    [Theory]
    [InlineData("http://0.0.0.0:8080", false, 1)]
    [InlineData("http://0.0.0.0:8080", true, 0)]
    [InlineData("http://fd:proxy", false, 1)]
    [InlineData("http://fd:proxy", true, 0)]
    [InlineData("http://127.0.0.1:8080", false, 0)]
    public void An_open_relay_to_an_injected_key_does_not_start(string listen, bool requireKey, int problems)
    {
        _environment["KEY"] = Canary;
        var key = requireKey ? $$"""{"id": "abcd", "hash": "sha256:{{new string('0', 64)}}"}""" : "";
        var result = Load($$"""
            {"proxy": {"listen": ["{{listen}}"]}, "requireKey": {{(requireKey ? "true" : "false")}}, "keys": [{{key}}],
             "upstreams": {"a": {"baseUrl": "https://a", "apiKey": "env:KEY"} } }
            """);
        Assert.Equal(problems, result.Problems.Count(problem => problem.Message.Contains("upstreams.a.apiKey is given and requireKey is false", StringComparison.Ordinal)));
    }

    [Fact]
    public void Secrets_are_read_from_variables_and_files_without_the_last_newline()
    {
        _environment["KEY"] = Canary + "\n";
        var file = Path.Combine(_directory, "secret");
        File.WriteAllText(file, Canary + "2\r\n");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(file, UnixFileMode.UserRead);
        }

        var result = Load("""{"upstreams": {"a": {"baseUrl": "https://a", "apiKey": "env:KEY"}, "b": {"baseUrl": "https://b", "apiKey": "file:secret"}}}""");
        Assert.Empty(result.Problems);
        Assert.Empty(result.Warnings);
        Assert.Equal(Canary, result.Options!.Upstreams["a"].ApiKey);
        Assert.Equal(Canary + "2", result.Options.Upstreams["b"].ApiKey);
    }

    [Fact]
    public void A_plain_secret_in_the_file_is_used_and_warned_about()
    {
        var result = Load($$"""{"upstreams": {"a": {"baseUrl": "https://a", "apiKey": "{{Canary}}"} } }""");
        Assert.Equal(Canary, result.Options!.Upstreams["a"].ApiKey);
        Assert.Contains("plain text", Assert.Single(result.Warnings).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"upstreams": {"a": {"baseUrl": "https://a", "apiKey": SECRET}}}""")]
    [InlineData("""{"upstreams": {"a": {"baseUrl": "https://a", "apikey": "SECRET"}}}""")]
    [InlineData("""{"upstreams": {"a": {"baseUrl": "https://a", "apiKey": ["SECRET"]}}}""")]
    [InlineData("""{"upstreams": {"a": {"baseUrl": "https://user:SECRET@a", "apiKey": "SECRET"}}}""")]
    [InlineData("""{"upstreams": {"a": {"baseUrl": "https://a?key=SECRET"}}}""")]
    [InlineData("""{"storage": {"connectionString": "Password=SECRET"}}""")]
    [InlineData("""{"keys": [{"id": "abcd", "hash": "SECRET"}]}""")]
    [InlineData("""{"proxy": {"certificate": {"path": "absent", "password": "SECRET"}}}""")]
    public void A_secret_is_in_no_message(string json)
    {
        _environment["TOLLGATE__STORAGE__CONNECTIONSTRNG"] = Canary;
        var result = Load(json.Replace("SECRET", Canary, StringComparison.Ordinal));
        Assert.NotEmpty(result.Problems);
        Assert.DoesNotContain("canary", string.Join('\n', result.Problems.Concat(result.Warnings)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_options_own_text_holds_no_secret()
    {
        var result = Load($$"""{"upstreams": {"a": {"baseUrl": "https://a", "apiKey": "{{Canary}}"} }, "storage": {"mode": "clickhouse", "connectionString": "{{Canary}}"} }""");
        Assert.DoesNotContain(Canary, $"{result.Options!} {result.Options!.Upstreams["a"]} {result.Options.Storage} {new CertificateOptions { Password = Canary }}", StringComparison.Ordinal);
    }

    [Fact]
    public void Variables_are_laid_over_the_file_in_any_case()
    {
        _environment["TOLLGATE__STORAGE__MODE"] = "None";
        _environment["tollgate__Proxy__drainTimeout"] = "00:00:05";
        _environment["TOLLGATE__REQUIREKEY"] = "false";
        _environment["TOLLGATE__PROXY__LISTEN__0"] = "http://127.0.0.1:9000";
        _environment["TOLLGATE__PROXY__LISTEN__1"] = "http://127.0.0.1:9001";
        _environment["TOLLGATE__UPSTREAMS__ANTHROPIC__APIKEY"] = Canary;
        _environment["TOLLGATE__UPSTREAMS__OTHER__BASEURL"] = "https://other";
        var result = Load("""{"storage": {"mode": "embedded"}, "requireKey": true}""");
        Assert.Empty(result.Problems);
        Assert.Empty(result.Warnings);
        Assert.Equal(StorageMode.None, result.Options!.Storage.Mode);
        Assert.Equal(TimeSpan.FromSeconds(5), result.Options.Proxy.DrainTimeout);
        Assert.Equal(["http://127.0.0.1:9000", "http://127.0.0.1:9001"], result.Options.Proxy.Listen);
        Assert.Equal(("https://api.anthropic.com", Canary), (result.Options.Upstreams["anthropic"].BaseUrl, result.Options.Upstreams["anthropic"].ApiKey));
        Assert.Equal("https://other", result.Options.Upstreams["other"].BaseUrl);
    }

    [Theory]
    [InlineData("TOLLGATE__STORAGE__MOD", "Did you mean \"MODE\"?")]
    [InlineData("TOLLGATE__STORAGE", "names a section, not a value")]
    [InlineData("TOLLGATE__STORAGE__MODE__X", "which is a single value")]
    [InlineData("TOLLGATE__PROXY__LISTEN__1", "Give 0 to 0, without gaps")]
    [InlineData("TOLLGATE____MODE", "has an empty part")]
    public void An_unknown_variable_is_a_problem(string name, string text)
    {
        _environment[name] = "x";
        Assert.Contains(Load("{}").Problems, problem => problem.Path == name && problem.Message.Contains(text, StringComparison.Ordinal));
    }

    private ConfigurationResult Load(string json)
    {
        File.WriteAllText(Path.Combine(_directory, "tollgate.json"), json);
        return new ConfigurationLoader(_environment, _directory).Load(null);
    }
}
