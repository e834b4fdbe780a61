using System.Globalization;

namespace Tollgate.Testing.Gateway;

/// <summary>Days for tests of budgets that must not end while a test runs.</summary>
public static class Daytime
{
    /// <summary>A time zone, in IANA's name, in which it is between noon and one now: its day is the same for hours before and after.</summary>
    public static string Zone()
    {
        // "Etc/GMT-3" is three hours ahead of Greenwich: the sign is POSIX's.
        var behind = TimeProvider.System.GetUtcNow().Hour - 12;
        return behind == 0 ? "Etc/GMT" : string.Create(CultureInfo.InvariantCulture, $"Etc/GMT{behind:+0;-0}");
    }
}
