using System.ComponentModel;
using System.Diagnostics;
using System.Text.RegularExpressions;
using Tollgate.Configuration;

namespace Tollgate.Tests.Repository;

/// <summary>What deploy/compose.yaml and deploy/Containerfile name is there and valid. They are not run: that needs a container engine.</summary>
public sealed partial class ComposeTests
{
    private const string Compose = "deploy/compose.yaml";
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void Every_file_that_a_service_mounts_exists()
    {
        var mounted = SourceTree.Lines(Compose).Select(static line => Mount().Match(line)).Where(static match => match.Success).Select(static match => match.Groups[1].Value).ToArray();
        Assert.NotEmpty(mounted);
        // Dashboards are a folder of their own, which may not be there.
        var hasDashboards = SourceTree.Exists("deploy/grafana");
        var missing = mounted.Where(path => (hasDashboards || !path.StartsWith("grafana/", StringComparison.Ordinal)) && !SourceTree.Exists($"deploy/{path}")).ToArray();
        Assert.True(missing.Length == 0, string.Join(", ", missing));
    }

    [Fact]
    public void Every_variable_that_a_service_needs_is_in_the_example_of_the_environment()
    {
        var used = SourceTree.Lines(Compose).SelectMany(static line => Variable().Matches(line)).Select(static match => match.Groups[1].Value).Distinct().Order(StringComparer.Ordinal);
        var told = SourceTree.Lines("deploy/compose/env.example").Where(static line => line.EndsWith('=')).Select(static line => line[..^1]).Order(StringComparer.Ordinal);
        Assert.Equal(told, used);
    }

    [Theory]
    [InlineData("deploy/compose/tollgate.json")]
    [InlineData("deploy/examples/sidecar.json")]
    public void A_configuration_that_is_handed_out_starts_a_gateway(string file)
    {
        var environment = SourceTree.Lines("deploy/Containerfile").Select(static line => Setting().Match(line)).Where(static match => match.Success)
            .ToDictionary(static match => match.Groups[1].Value, static match => match.Groups[2].Value, StringComparer.Ordinal);
        Assert.Equal(3, environment.Count);
        environment["ANTHROPIC_API_KEY"] = "sk-ant-api03-x";
        environment["TOLLGATE_ADMIN_TOKEN"] = "0123456789abcdef";
        environment["TOLLGATE_CLICKHOUSE"] = "Host=clickhouse.example.com;Port=8443;Protocol=https;Username=gateway;Password=x";
        Assert.Empty(new ConfigurationLoader(environment, SourceTree.Root).Load(file).Problems);
    }

    [Fact]
    public void The_image_is_made_of_what_the_distribution_has_and_ignores_the_rest()
    {
        var copied = SourceTree.Lines("deploy/Containerfile").Where(static line => line.StartsWith("COPY ", StringComparison.Ordinal)).SelectMany(static line => line.Split(' ')[1..^1]).ToArray();
        Assert.Equal(copied.Order(StringComparer.Ordinal), SourceTree.Lines("deploy/Containerfile.dockerignore").Where(static line => line.StartsWith('!')).Select(static line => line[1..]).Order(StringComparer.Ordinal));
        var script = File.ReadAllText(Path.Combine(SourceTree.Root, "deploy/dist.sh"));
        foreach (var path in copied)
        {
            var name = Path.GetFileName(path);
            Assert.True(SourceTree.Exists(path) || script.Contains($"$dist/{name}", StringComparison.Ordinal) || script.Contains($" {name} ", StringComparison.Ordinal), path);
        }
    }

    [Fact]
    public async Task Prometheus_and_Alertmanager_take_their_configurations()
    {
        var folder = Directory.CreateTempSubdirectory("tollgate-compose-").FullName;
        try
        {
            foreach (var file in new[] { "deploy/compose/prometheus.yml", "deploy/prometheus/tollgate.rules.yml", "deploy/compose/alertmanager.yml" })
            {
                File.Copy(Path.Combine(SourceTree.Root, file), Path.Combine(folder, Path.GetFileName(file)));
            }

            await RunAsync("promtool", "check", "config", Path.Combine(folder, "prometheus.yml"));
            await RunAsync("amtool", "check-config", Path.Combine(folder, "alertmanager.yml"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task RunAsync(string program, params string[] arguments)
    {
        Process process;
        try
        {
            process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        }
        catch (Win32Exception)
        {
            Assert.Fail($"{program} is not here. Install Debian's packages prometheus and prometheus-alertmanager (.ci/run does, without starting their servers).");
            throw;
        }

        using (process)
        {
            var output = process.StandardOutput.ReadToEndAsync(Cancellation);
            var errors = process.StandardError.ReadToEndAsync(Cancellation);
            await process.WaitForExitAsync(Cancellation);
            Assert.True(process.ExitCode == 0, $"{await output}\n{await errors}");
        }
    }

    [GeneratedRegex(@"^\s+- \./([^:]+):")]
    private static partial Regex Mount();

    [GeneratedRegex(@"\$\{([A-Z_]+)")]
    private static partial Regex Variable();

    [GeneratedRegex(@"(TOLLGATE__\w+)=(\S+)")]
    private static partial Regex Setting();
}
