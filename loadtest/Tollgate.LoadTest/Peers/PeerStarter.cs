using System.Diagnostics;
using System.Globalization;

namespace Tollgate.LoadTest.Peers;

/// <summary>Starts peers on loopback before an upstream.</summary>
/// <param name="upstreamPort">Where the upstream listens.</param>
/// <param name="scenario">What is sent, and what the gateway has switched on.</param>
/// <param name="certificate">With it, both sides speak TLS.</param>
/// <param name="directory">For their files.</param>
/// <param name="nginx">The executable, or its name.</param>
/// <param name="haproxy">The executable, or its name.</param>
internal sealed class PeerStarter(int upstreamPort, Scenario scenario, LoopbackCertificate? certificate, TemporaryDirectory directory, string nginx, string haproxy)
{
    /// <summary>All that there are.</summary>
    public static IReadOnlyList<string> Names { get; } = ["direct", "tollgate", "tollgate-sockets", "tollgate-off", "nginx", "haproxy", "yarp"];

    /// <summary>Starts one.</summary>
    /// <returns>Null when it is not installed or not built; <paramref name="say"/> was told how to change that.</returns>
    public async Task<Peer?> StartAsync(string name, Action<string> say, CancellationToken cancellationToken)
    {
        switch (name)
        {
            case "direct":
                return new Peer(name, "no proxy", upstreamPort, null, null);
            case "tollgate":
                return await TollgatePeer.StartAsync(name, upstreamPort, scenario.Setup, certificate, onPlatform: false, cancellationToken);
            case "tollgate-sockets":
                return await TollgatePeer.StartAsync(name, upstreamPort, scenario.Setup, certificate, onPlatform: true, cancellationToken);
            case "tollgate-off":
                return await TollgatePeer.StartAsync(name, upstreamPort, GatewaySetup.Relay, certificate, onPlatform: false, cancellationToken);
            case "nginx":
                return await StartProxyAsync(name, nginx, "-v", static (configuration, home) => ["-p", home, "-c", configuration, "-e", "stderr"], "nginx.conf", say, cancellationToken);
            case "haproxy":
                return await StartProxyAsync(name, haproxy, "-v", static (configuration, _) => ["-db", "-f", configuration], "haproxy.cfg", say, cancellationToken);
            case "yarp" when certificate is not null:
                say($"{name} is left out: it is set up here without TLS.");
                return null;
            case "yarp":
                return await StartYarpAsync(say, cancellationToken);
            default:
                throw new ArgumentOutOfRangeException(nameof(name), name, "No such peer.");
        }
    }

    private async Task<Peer?> StartProxyAsync(
        string name,
        string file,
        string versionArgument,
        Func<string, string, string[]> arguments,
        string template,
        Action<string> say,
        CancellationToken cancellationToken)
    {
        if (Installed(file) is not { } executable)
        {
            say($"{name} is left out: there is no {file}. Install it with: apt-get install --no-install-recommends {name}; or name the executable with --{name}.");
            return null;
        }

        var port = LoopbackPort.Free();
        var home = directory.Subdirectory(name);
        var text = (await File.ReadAllTextAsync(RepositoryRoot.File("loadtest", "peers", template), cancellationToken))
            .Replace("@LISTEN@", port.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("@UPSTREAM@", upstreamPort.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("@SSL@", certificate is null ? string.Empty : " ssl", StringComparison.Ordinal)
            .Replace("@BOTH@", certificate is null ? string.Empty : $" ssl crt {certificate.Both}", StringComparison.Ordinal)
            .Replace("@VERIFY@", certificate is null ? string.Empty : $" ssl verify required ca-file {certificate.Certificate}", StringComparison.Ordinal)
            .Replace("@CERTIFICATE@", certificate is null ? string.Empty : $"ssl_certificate {certificate.Certificate}; ssl_certificate_key {certificate.Key};", StringComparison.Ordinal)
            .Replace("@SCHEME@", certificate is null ? "http" : "https", StringComparison.Ordinal)
            .Replace("@CORES@", Environment.ProcessorCount.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
            .Replace("@DIRECTORY@", home, StringComparison.Ordinal);
        var configuration = Path.Combine(home, template);
        await File.WriteAllTextAsync(configuration, text, cancellationToken);
        var server = await ChildServer.StartAsync(executable, arguments(configuration, home), home, port, cancellationToken);
        return new Peer(name, await VersionAsync(executable, versionArgument, cancellationToken), port, server.Id, server);
    }

    private async Task<Peer?> StartYarpAsync(Action<string> say, CancellationToken cancellationToken)
    {
        var assembly = RepositoryRoot.File("artifacts", "bin", "YarpPeer", "release", "YarpPeer.dll");
        if (!File.Exists(assembly))
        {
            say("yarp is left out: it is not built. Build it with: dotnet build -c Release loadtest/peers/Yarp");
            return null;
        }

        var port = LoopbackPort.Free();
        string[] arguments = ["exec", assembly, port.ToString(CultureInfo.InvariantCulture), upstreamPort.ToString(CultureInfo.InvariantCulture)];
        var server = await ChildServer.StartAsync("dotnet", arguments, directory.Subdirectory("yarp"), port, cancellationToken);
        var library = FileVersionInfo.GetVersionInfo(Path.Combine(Path.GetDirectoryName(assembly)!, "Yarp.ReverseProxy.dll"));
        return new Peer("yarp", $"Yarp.ReverseProxy {library.ProductMajorPart}.{library.ProductMinorPart}.{library.ProductBuildPart}", port, server.Id, server);
    }

    /// <summary>Where an executable is. Debian keeps servers in /usr/sbin, which is not on everyone's path.</summary>
    private static string? Installed(string file) => Path.IsPathRooted(file)
        ? File.Exists(file) ? file : null
        : $"{Environment.GetEnvironmentVariable("PATH")}:/usr/sbin:/usr/local/sbin".Split(':').Select(folder => Path.Combine(folder, file)).FirstOrDefault(File.Exists);

    /// <summary>The version in the first line that it prints; nginx writes it to its error output.</summary>
    private static async Task<string> VersionAsync(string executable, string argument, CancellationToken cancellationToken)
    {
        using var process = Process.Start(new ProcessStartInfo(executable, argument) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = await process.StandardOutput.ReadToEndAsync(cancellationToken) + await process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        var line = output.Split('\n')[0];
        return line.StartsWith("HAProxy version ", StringComparison.Ordinal) ? line.Split(' ')[2] : line[(line.LastIndexOf('/') + 1)..].Trim();
    }
}
