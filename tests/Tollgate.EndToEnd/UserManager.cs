using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using System.Text;

namespace Tollgate.EndToEnd;

/// <summary>A user's service manager as far as the installed units need one: it does what they say, and a stand-in for systemctl asks it.</summary>
/// <remarks>
/// Understands of a service: ExecStart, WorkingDirectory, Environment, EnvironmentFile, Restart=on-failure, RestartSec, RestartPreventExitStatus, KillSignal=SIGTERM and
/// KillMode=mixed; of a socket: ListenStream on loopback; and WantedBy of both, by links as systemd makes them. Sandboxing is not done. Semantics as in systemd.service(5).
/// </remarks>
/// <param name="units">The folder of the units.</param>
/// <param name="environment">What a service's environment begins with.</param>
[SupportedOSPlatform("linux")]
internal sealed class UserManager(string units, IReadOnlyDictionary<string, string> environment) : IAsyncDisposable
{
    private const string Service = "tollgate.service";
    private const string Socket = "tollgate.socket";
    private const int SigKill = 9;
    private const int SigTerm = 15;

    private readonly HttpListener _listener = new();
    private readonly StringBuilder _journal = new();
    private HandedOverSocket? _socket;
    private Process? _process;
    private Task _supervision = Task.CompletedTask;
    private Task _serving = Task.CompletedTask;
    private volatile bool _stopping;

    /// <summary>The service's main process; the last one, when none runs.</summary>
    public int MainPid { get; private set; }

    /// <summary>How often the service was started.</summary>
    public int Starts { get; private set; }

    /// <summary>What the service printed.</summary>
    public string Journal
    {
        get
        {
            lock (_journal)
            {
                return _journal.ToString();
            }
        }
    }

    /// <summary>Writes a systemctl that asks this manager, and answers it from now on.</summary>
    public async Task ServeAsync(string systemctl)
    {
        var address = $"http://127.0.0.1:{LoopbackPort.Free()}/";
        _listener.Prefixes.Add(address);
        _listener.Start();
        await File.WriteAllTextAsync(systemctl, $$"""
            #!/bin/sh
            answer=$(curl -sS --noproxy '*' --data-binary "$*" '{{address}}') || exit 1
            echo "${answer#* }"
            exit "${answer%% *}"
            """);
        File.SetUnixFileMode(systemctl, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        _serving = AnswerAsync();
    }

    /// <summary>What happens at a login: all that is enabled is started.</summary>
    public async Task LoginAsync()
    {
        foreach (var link in new[] { "sockets.target.wants", "default.target.wants" }.Select(wants => Path.Combine(units, wants)).Where(Directory.Exists).SelectMany(Directory.GetFiles))
        {
            await StartAsync(Path.GetFileName(link));
        }
    }

    /// <summary>What happens at a logout without lingering: all is stopped, and what is left of its processes is killed.</summary>
    public async Task LogoutAsync()
    {
        await StopAsync(Service);
        await StopAsync(Socket);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await LogoutAsync();
        _listener.Close();
        await _serving;
    }

    private async Task AnswerAsync()
    {
        while (true)
        {
            HttpListenerContext call;
            try
            {
                call = await _listener.GetContextAsync();
            }
            catch (Exception closed) when (closed is HttpListenerException or ObjectDisposedException)
            {
                return;
            }

            using var reader = new StreamReader(call.Request.InputStream);
            string answer;
            try
            {
                answer = await DoAsync((await reader.ReadToEndAsync()).Split(' ', StringSplitOptions.RemoveEmptyEntries));
            }
            catch (Exception problem) when (problem is IOException or InvalidOperationException or System.ComponentModel.Win32Exception)
            {
                answer = $"1 {problem.Message}";
            }

            call.Response.Close(Encoding.UTF8.GetBytes(answer), willBlock: false);
        }
    }

    // "exit-code words", for "--user verb [--now] units".
    private async Task<string> DoAsync(string[] command)
    {
        var named = command.Where(static word => word.StartsWith("tollgate.", StringComparison.Ordinal)).ToList();
        switch (command[1])
        {
            case "show-environment" or "daemon-reload":
                return "0 ";
            case "enable":
                foreach (var unit in named)
                {
                    var wants = Directory.CreateDirectory(Path.Combine(units, Value(unit, "WantedBy") + ".wants")).FullName;
                    File.Delete(Path.Combine(wants, unit));
                    File.CreateSymbolicLink(Path.Combine(wants, unit), Path.Combine(units, unit));
                    await StartAsync(unit);
                }

                return "0 ";
            case "disable":
                foreach (var unit in named)
                {
                    await StopAsync(unit);
                    File.Delete(Path.Combine(units, Value(unit, "WantedBy") + ".wants", unit));
                }

                return "0 ";
            case "stop":
                foreach (var unit in named)
                {
                    await StopAsync(unit);
                }

                return "0 ";
            case "is-active":
                return _supervision.IsCompleted ? "3 inactive" : _process is { HasExited: false } ? "0 active" : "3 activating";
            default:
                return $"1 Unknown verb {command[1]}";
        }
    }

    private async Task StartAsync(string unit)
    {
        if (unit == Socket)
        {
            _socket ??= new HandedOverSocket(IPEndPoint.Parse(Value(Socket, "ListenStream")!).Port);
            return;
        }

        // Requires= its socket.
        if (File.Exists(Path.Combine(units, Socket)))
        {
            await StartAsync(Socket);
        }

        if (_supervision.IsCompleted)
        {
            _stopping = false;
            _process = Launch();
            _supervision = SuperviseAsync();
        }
    }

    private async Task StopAsync(string unit)
    {
        if (unit == Socket)
        {
            _socket?.Dispose();
            _socket = null;
            return;
        }

        _stopping = true;
        if (_process is { HasExited: false })
        {
            _ = Native.Kill(MainPid, SigTerm);
        }

        await _supervision;
    }

    // Restart=on-failure.
    private async Task SuperviseAsync()
    {
        while (true)
        {
            var process = _process!;
            await process.WaitForExitAsync();
            _ = Native.Kill(-process.Id, SigKill);
            var code = process.ExitCode;
            process.Dispose();
            _process = null;
            if (_stopping || code == 0 || Value(Service, "Restart") != "on-failure" || code == int.Parse(Value(Service, "RestartPreventExitStatus")!, CultureInfo.InvariantCulture))
            {
                return;
            }

            await Task.Delay(TimeSpan.FromSeconds(int.Parse(Value(Service, "RestartSec")!, CultureInfo.InvariantCulture)), TimeProvider.System);
            if (_stopping)
            {
                return;
            }

            _process = Launch();
        }
    }

    private Process Launch()
    {
        var command = Value(Service, "ExecStart")!.Split(' ');
        using var handed = _socket?.HandTo(command);

        // A session of its own, as a service has: its processes are found by their group.
        var start = new ProcessStartInfo("setsid", handed?.Command ?? command)
        {
            WorkingDirectory = Value(Service, "WorkingDirectory"),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment.Clear();
        var file = Value(Service, "EnvironmentFile");
        var fromFile = file is not null && File.Exists(file.TrimStart('-')) ? File.ReadAllLines(file.TrimStart('-')) : [];
        foreach (var (name, value) in environment.Concat(Values(Service, "Environment").SelectMany(static line => line.Split(' ')).Concat(fromFile).Select(Assignment)))
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start) ?? throw new InvalidOperationException("setsid did not start.");
        process.OutputDataReceived += Append;
        process.ErrorDataReceived += Append;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        (MainPid, Starts) = (process.Id, Starts + 1);
        return process;

        void Append(object sender, DataReceivedEventArgs line)
        {
            lock (_journal)
            {
                _journal.AppendLine(line.Data);
            }
        }

        static KeyValuePair<string, string> Assignment(string line) => new(line.Split('=', 2)[0], line.Split('=', 2)[1]);
    }

    private string? Value(string unit, string key) => Values(unit, key).LastOrDefault();

    private IEnumerable<string> Values(string unit, string key) =>
        File.ReadLines(Path.Combine(units, unit)).Where(line => line.StartsWith(key + "=", StringComparison.Ordinal)).Select(line => line[(key.Length + 1)..]);

    private static class Native
    {
        [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Kill(int pid, int signal);
    }
}
