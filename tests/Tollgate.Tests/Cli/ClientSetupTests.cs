using System.Runtime.Versioning;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using Tollgate.Cli;
using Tollgate.Configuration;

namespace Tollgate.Tests.Cli;

[SupportedOSPlatform("linux")]
public sealed class ClientSetupTests : IDisposable
{
    private const string Url = "http://127.0.0.1:8080/anthropic";

    private readonly string _directory = Directory.CreateTempSubdirectory("tollgate-client-setup").FullName;
    private readonly StringWriter _output = new();
    private readonly StringWriter _error = new();
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 12, 1, 2, 3, 4, TimeSpan.Zero));

    private string UserFile => Path.Combine(_directory, "home", ".claude", "settings.json");

    private string ProjectFile => Path.Combine(_directory, ".claude", "settings.json");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task Without_a_word_it_prints_the_users_settings_and_writes_nothing()
    {
        Assert.Equal(0, await Run("client-setup"));
        Assert.Equal(Url, Variable(_output.ToString(), "ANTHROPIC_BASE_URL"));
        Assert.Equal("1", Variable(_output.ToString(), "CLAUDE_CODE_GATEWAY_HINT_HEADERS"));
        Assert.Contains(UserFile, _error.ToString(), StringComparison.Ordinal);
        Assert.False(File.Exists(UserFile));
    }

    [Fact]
    public async Task What_is_in_the_file_stays_and_a_copy_of_it_is_kept()
    {
        const string Before = """{"model": "opus", "env": {"EDITOR": "vi", "LIMIT": 1.50}, "permissions": {"allow": ["Bash(ls:*)"]}, "greeting": "grüß & <dich>"}""";
        Write(UserFile, Before);
        Assert.Equal(0, await Run("client-setup --write --url https://gateway.example.com/anthropic/"));

        var after = await ReadAsync(UserFile);
        Assert.Equal(
            """
            {
              "model": "opus",
              "env": {
                "EDITOR": "vi",
                "LIMIT": 1.50,
                "ANTHROPIC_BASE_URL": "https://gateway.example.com/anthropic",
                "CLAUDE_CODE_GATEWAY_HINT_HEADERS": "1"
              },
              "permissions": {
                "allow": [
                  "Bash(ls:*)"
                ]
              },
              "greeting": "grüß & <dich>"
            }

            """,
            after);
        Assert.Equal(Before, await ReadAsync($"{UserFile}.20261201T020304000.bak"));
        Assert.Equal(2, Directory.GetFiles(Path.GetDirectoryName(UserFile)!).Length);
    }

    [Fact]
    public async Task Writing_twice_changes_the_file_once()
    {
        Assert.Equal(0, await Run("client-setup --write"));
        var first = await ReadAsync(UserFile);
        Assert.Equal(0, await Run("client-setup --write"));
        Assert.Contains("says so already", _output.ToString(), StringComparison.Ordinal);
        Assert.Equal(first, await ReadAsync(UserFile));
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(UserFile)!));
    }

    [Theory]
    [InlineData("""{"env": {"ANTHROPIC_BASE_URL": "https://other.example.com"}}""", "ANTHROPIC_BASE_URL is \"https://other.example.com\", not \"http://127.0.0.1:8080/anthropic\"")]
    [InlineData("""{"env": {"CLAUDE_CODE_GATEWAY_HINT_HEADERS": 0}}""", "CLAUDE_CODE_GATEWAY_HINT_HEADERS is \"0\", not \"1\"")]
    public async Task Another_value_is_told_and_changed_by_force_only(string before, string conflict)
    {
        Write(UserFile, before);
        Assert.Equal(1, await Run("client-setup --write"));
        Assert.Contains(conflict, _error.ToString(), StringComparison.Ordinal);
        Assert.Equal(before, await ReadAsync(UserFile));

        Assert.Equal(0, await Run("client-setup --write --force"));
        Assert.Equal(Url, Variable(await ReadAsync(UserFile), "ANTHROPIC_BASE_URL"));
    }

    [Theory]
    [InlineData("{\"env\": {")]
    [InlineData("{\"a\": 1, \"a\": 2}")]
    [InlineData("{} // note")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"env\": \"A=1\"}")]
    public async Task A_file_that_is_not_settings_is_left_as_it_is_also_by_force(string before)
    {
        Write(UserFile, before);
        Assert.Equal(1, await Run("client-setup --write --force"));
        Assert.Contains($"{UserFile} ", _error.ToString(), StringComparison.Ordinal);
        Assert.Equal(before, await ReadAsync(UserFile));
        Assert.Single(Directory.GetFiles(Path.GetDirectoryName(UserFile)!));
    }

    [Fact]
    public async Task A_projects_settings_have_its_header_beside_other_headers_and_no_address()
    {
        Write(ProjectFile, """{"env": {"ANTHROPIC_CUSTOM_HEADERS": "X-Cost-Center: 7"}}""");
        Assert.Equal(0, await Run("client-setup --scope project --project acme-api --write"));
        var after = await ReadAsync(ProjectFile);
        Assert.Equal("X-Cost-Center: 7\nX-Project: acme-api", Variable(after, "ANTHROPIC_CUSTOM_HEADERS"));
        Assert.Null(Variable(after, "ANTHROPIC_BASE_URL"));
    }

    [Fact]
    public async Task Another_projects_header_is_told_and_changed_by_force_only()
    {
        Write(ProjectFile, """{"env": {"ANTHROPIC_CUSTOM_HEADERS": "x-project: old\nX-Cost-Center: 7"}}""");
        Assert.Equal(1, await Run("client-setup --scope project --project new --write"));
        Assert.Contains("\"x-project: old\", not \"X-Project: new\"", _error.ToString(), StringComparison.Ordinal);

        Assert.Equal(0, await Run("client-setup --scope project --project new --write --force"));
        Assert.Equal("X-Project: new\nX-Cost-Center: 7", Variable(await ReadAsync(ProjectFile), "ANTHROPIC_CUSTOM_HEADERS"));
    }

    [Fact]
    public async Task A_link_stays_a_link_and_a_private_file_private()
    {
        var kept = Path.Combine(_directory, "dotfiles.json");
        await File.WriteAllTextAsync(kept, "{}", TestContext.Current.CancellationToken);
        File.SetUnixFileMode(kept, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Directory.CreateDirectory(Path.GetDirectoryName(UserFile)!);
        File.CreateSymbolicLink(UserFile, kept);

        Assert.Equal(0, await Run("client-setup --write"));
        Assert.Equal(kept, new FileInfo(UserFile).LinkTarget);
        Assert.Equal(Url, Variable(await ReadAsync(kept), "ANTHROPIC_BASE_URL"));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(kept));
    }

    [Fact]
    public async Task The_folder_that_Claude_Code_was_told_of_is_used()
    {
        Assert.Equal(0, await Run("client-setup --write", ("CLAUDE_CONFIG_DIR", Path.Combine(_directory, "elsewhere"))));
        Assert.True(File.Exists(Path.Combine(_directory, "elsewhere", "settings.json")));
        Assert.False(File.Exists(UserFile));
    }

    [Theory]
    [InlineData("client-setup --print --write", 2)]
    [InlineData("client-setup --scope team", 2)]
    [InlineData("client-setup --url gateway.example.com", 2)]
    [InlineData("client-setup --url ftp://gateway.example.com", 2)]
    [InlineData("client-setup --url https://me:secret@gateway.example.com", 2)]
    [InlineData("client-setup --url https://gateway.example.com/?a=1", 2)]
    [InlineData("client-setup --scope project", 2)]
    [InlineData("client-setup --scope project --project a\nb:c", 2)]
    [InlineData("client-setup --scope managed --write", 2)]
    [InlineData("client-setup --scope managed --project acme-api", 2)]
    [InlineData("client-setup --scope managed --print", 0)]
    [InlineData("client-setup --help", 0)]
    public async Task Client_setup_exits_as_documented(string command, int code)
    {
        Assert.Equal(code, await Run(command));
        Assert.NotEqual("", $"{_output}{_error}");
        Assert.False(File.Exists(UserFile) || File.Exists(ProjectFile));
    }

    [Fact]
    public async Task Without_a_home_the_users_settings_have_no_place()
    {
        Assert.Equal(2, await Run("client-setup", ("HOME", "")));
        Assert.Contains("HOME is not set", _error.ToString(), StringComparison.Ordinal);
    }

    private static void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, text);
    }

    private static Task<string> ReadAsync(string file) => File.ReadAllTextAsync(file, TestContext.Current.CancellationToken);

    private static string? Variable(string settings, string name) => JsonNode.Parse(settings)!["env"]![name]?.GetValue<string>();

    private Task<int> Run(string command, params (string Name, string Value)[] variables)
    {
        var environment = new Dictionary<string, string> { ["HOME"] = Path.Combine(_directory, "home") };
        foreach (var (name, value) in variables)
        {
            environment[name] = value;
        }

        return new CommandLine(new ConfigurationLoader(environment, _directory), _time, static (_, _) => throw new InvalidOperationException("Nothing is served here."))
            .RunAsync(command.Split(' ', StringSplitOptions.RemoveEmptyEntries), _output, _error, CancellationToken.None);
    }
}
