using System.Security.Cryptography;
using System.Text;
using Tollgate.Demo.Team;
using Tollgate.Proxy.Keys;

namespace Tollgate.Demo.Live;

/// <summary>A virtual key for each developer, made anew at each start.</summary>
internal static class DemoKeys
{
    /// <summary>The keys by developer.</summary>
    public static IReadOnlyDictionary<string, string> Create() =>
        DemoTeam.Developers.ToDictionary(static developer => developer.Name, static developer => VirtualKeyFormat.Create(developer.KeyId), StringComparer.Ordinal);

    /// <summary>A key's hash as a configuration has it.</summary>
    public static string HashOf(string key) => "sha256:" + Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));
}
