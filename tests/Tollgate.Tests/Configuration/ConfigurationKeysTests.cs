using Tollgate.Configuration;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Tests.Configuration;

public class ConfigurationKeysTests
{
    [Fact]
    public void The_keys_are_the_approved_ones()
    {
        var keys = string.Concat(KeysOf(typeof(TollgateOptions), "", false).Select(line => line + "\n"));
        var file = Approved("config-keys.txt");
        if (Environment.GetEnvironmentVariable("TOLLGATE_APPROVE") == "1")
        {
            File.WriteAllText(file, keys);
        }

        Assert.True(File.ReadAllText(file) == keys, $"The configuration's keys changed. If that is meant, run this test with TOLLGATE_APPROVE=1 and commit {file}.");
    }

    private static IEnumerable<string> KeysOf(Type section, string path, bool restart)
    {
        foreach (var key in OptionsShape.KeysOf(section))
        {
            var type = key.Property.PropertyType;
            var name = path + key.Name;
            var waits = restart || key.NeedsRestart;
            (type, name) = OptionsShape.Of(type) switch
            {
                ValueShape.List => (OptionsShape.EntryType(type), $"{name}[]"),
                ValueShape.Dictionary => (OptionsShape.EntryType(type), $"{name}.NAME"),
                _ => (type, name),
            };
            if (OptionsShape.Of(type) == ValueShape.Section)
            {
                foreach (var below in KeysOf(type, $"{name}.", waits))
                {
                    yield return below;
                }
            }
            else
            {
                var kind = type.IsEnum ? string.Join('|', OptionsShape.EnumTexts(type)) : type.Name.ToLowerInvariant();
                yield return $"{name} {kind}{(key.IsSecret ? " secret" : "")}{(waits ? " restart" : "")}";
            }
        }
    }

    private static string Approved(string name)
    {
        // Not from the compiler: a deterministic build knows no path of this machine.
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "Gateway.sln")))
        {
            directory = directory.Parent;
        }

        return Path.Combine(directory.FullName, "tests", "Tollgate.Tests", "Approved", name);
    }
}
