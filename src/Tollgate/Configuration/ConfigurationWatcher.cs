using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Configuration;

/// <summary>Applies the configuration anew when its file changes, and on SIGHUP; keeps the old one when the new one is wrong.</summary>
/// <remarks>
/// The file is read every <see cref="PollInterval"/> rather than watched: change notices do not cross network shares, nor the link that
/// Kubernetes swaps. It counts as changed once two reads in a row agree, so a half-written file is not taken. A secret behind <c>file:</c>
/// is read again only with the file itself, or on SIGHUP.
/// </remarks>
/// <param name="loader">Reads the configuration.</param>
/// <param name="started">What the gateway started with; valid.</param>
/// <param name="apply">Puts new options in force. When it throws, the old ones stay and the reason is logged.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where the outcome of each reload goes.</param>
internal sealed partial class ConfigurationWatcher(
    ConfigurationLoader loader, ConfigurationResult started, Func<TollgateOptions, CancellationToken, Task> apply, TimeProvider time, ILogger<ConfigurationWatcher> logger) : BackgroundService
{
    /// <summary>Between two looks at the file.</summary>
    public static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(1);

    private readonly string _path = loader.PathOf(started.File);
    private readonly SemaphoreSlim _reloads = new(1, 1);
    private readonly TollgateOptions _atStart = started.Options!;
    private string _applied = Fingerprint(loader.PathOf(started.File));

    /// <summary>Reads the configuration and puts it in force if it is valid. Returns whether it was.</summary>
    public async Task<bool> ReloadAsync(CancellationToken cancellation)
    {
        await _reloads.WaitAsync(cancellation);
        try
        {
            return await ReloadNowAsync(cancellation);
        }
        finally
        {
            _reloads.Release();
        }
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _reloads.Dispose();
        base.Dispose();
    }

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var asked = 0;
        using var hangup = OperatingSystem.IsWindows() ? null : PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal =>
        {
            // Unless it is cancelled, SIGHUP ends the process.
            signal.Cancel = true;
            Interlocked.Exchange(ref asked, 1);
        });

        using var timer = new PeriodicTimer(PollInterval, time);
        var last = _applied;
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                var seen = Fingerprint(_path);
                var settled = seen == last && seen != _applied;
                last = seen;
                if (settled || Interlocked.Exchange(ref asked, 0) == 1)
                {
                    _applied = seen;
                    await ReloadAsync(stoppingToken);
                }
            }
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The gateway stops.
        }
    }

    private async Task<bool> ReloadNowAsync(CancellationToken cancellation)
    {
        var result = loader.Load(started.File);
        foreach (var warning in result.Warnings)
        {
            LogWarning(warning.ToString());
        }

        if (!result.IsValid)
        {
            foreach (var problem in result.Problems)
            {
                LogProblem(problem.ToString());
            }

            LogKept(_path, result.Problems.Count);
            return false;
        }

        try
        {
            await apply(result.Options, cancellation);
        }
        catch (Exception exception) when (exception is not OperationCanceledException || !cancellation.IsCancellationRequested)
        {
            // Whatever it is, a reload must not end a gateway that works.
            LogNotApplied(_path, exception.Message);
            return false;
        }

        var waiting = OptionsDifference.NeedingRestart(_atStart, result.Options);
        if (waiting.Length > 0)
        {
            LogNeedsRestart(string.Join(", ", waiting));
        }

        LogReloaded(_path);
        return true;
    }

    /// <summary>The file's content as a hash; empty when it can't be read, as for a moment while it is replaced.</summary>
    private static string Fingerprint(string path)
    {
        try
        {
            return Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(path)));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return string.Empty;
        }
    }

    [LoggerMessage(8301, LogLevel.Information, "The configuration was read again from {Path} and is in force")]
    private partial void LogReloaded(string path);

    [LoggerMessage(8302, LogLevel.Error, "The configuration in {Path} has {Count} problems; the old one stays in force")]
    private partial void LogKept(string path, int count);

    [LoggerMessage(8303, LogLevel.Error, "{Problem}")]
    private partial void LogProblem(string problem);

    [LoggerMessage(8304, LogLevel.Warning, "{Warning}")]
    private partial void LogWarning(string warning);

    [LoggerMessage(8305, LogLevel.Warning, "Changed, but in force only after a restart: {Keys}")]
    private partial void LogNeedsRestart(string keys);

    [LoggerMessage(8306, LogLevel.Error, "The configuration in {Path} could not be applied, the old one stays in force: {Reason}")]
    private partial void LogNotApplied(string path, string reason);
}
