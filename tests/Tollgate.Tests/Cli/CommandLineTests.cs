using System.Text.Json;
using Tollgate.Cli;
using Tollgate.Configuration;
using Tollgate.Proxy.Keys;

namespace Tollgate.Tests.Cli;

public sealed class CommandLineTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("tollgate-cli").FullName;
    private readonly StringWriter _output = new();
    private readonly StringWriter _error = new();
    private int _served;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("check", 0)]
    [InlineData("check --config nowhere.json", 2)]
    [InlineData("serve --config nowhere.json", 2)]
    [InlineData("chekc", 2)]
    [InlineData("check --nonsense", 2)]
    [InlineData("keys create", 2)]
    [InlineData("keys create --id NO", 2)]
    [InlineData("--help", 0)]
    [InlineData("--version", 0)]
    public async Task A_command_exits_as_documented(string command, int code)
    {
        Assert.Equal(code, await Run(command));
        Assert.Equal(0, _served);
        Assert.NotEqual("", $"{_output}{_error}");
        Assert.DoesNotContain("   at ", $"{_output}{_error}", StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("serve")]
    public async Task Serving_is_the_default_and_its_exit_code_is_passed_on(string command)
    {
        Assert.Equal(7, await Run(command));
        Assert.Equal(1, _served);
    }

    [Fact]
    public async Task Check_prints_every_problem_also_as_JSON()
    {
        await File.WriteAllTextAsync(Path.Combine(_directory, "bad.json"), """{"a": 1, "b": 2}""", TestContext.Current.CancellationToken);
        Assert.Equal(2, await Run("check --config bad.json --json"));
        using var report = JsonDocument.Parse(_output.ToString());
        Assert.False(report.RootElement.GetProperty("valid").GetBoolean());
        Assert.Equal(["a", "b"], report.RootElement.GetProperty("problems").EnumerateArray().Select(problem => problem.GetProperty("path").GetString()));
    }

    [Fact]
    public async Task A_created_key_matches_the_entry_printed_with_it()
    {
        Assert.Equal(0, await Run("keys create --id alice01 --team search --json"));
        using var printed = JsonDocument.Parse(_output.ToString());
        var key = printed.RootElement.GetProperty("key").GetString()!;
        var entry = printed.RootElement.GetProperty("entry");
        Assert.True(VirtualKeyFormat.TryParse(key, out _));
        Assert.Equal(VirtualKeyFormat.HashText(key), entry.GetProperty("hash").GetString());
        Assert.Equal("search", entry.GetProperty("team").GetString());

        await File.WriteAllTextAsync(Path.Combine(_directory, "tollgate.json"), $$"""{"requireKey": true, "keys": [{{entry.GetRawText()}}]}""", TestContext.Current.CancellationToken);
        Assert.Equal(0, await Run("check"));
    }

    private Task<int> Run(string command) =>
        new CommandLine(new ConfigurationLoader(new Dictionary<string, string>(), _directory), TimeProvider.System, (_, _) => Task.FromResult(6 + ++_served))
            .RunAsync(command.Split(' ', StringSplitOptions.RemoveEmptyEntries), _output, _error, CancellationToken.None);
}
