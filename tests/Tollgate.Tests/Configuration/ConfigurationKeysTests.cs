using Tollgate.Configuration;
using Tollgate.Proxy.Configuration;
using Tollgate.Tests.Repository;

namespace Tollgate.Tests.Configuration;

public class ConfigurationKeysTests
{
    [Fact]
    public void The_keys_are_the_approved_ones()
    {
        var keys = string.Concat(KeysOf(typeof(TollgateOptions), "", false).Select(line => line + "\n"));
        ApprovedFile.Compare("tests/Tollgate.Tests/Approved/config-keys.txt", keys);
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
}
