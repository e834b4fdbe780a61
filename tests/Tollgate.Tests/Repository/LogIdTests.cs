using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Logging;
using Tollgate.ClickHouse;
using Tollgate.Control;
using Tollgate.Hosting;
using Tollgate.Proxy.Metrics;

namespace Tollgate.Tests.Repository;

/// <summary>Log ids are what alerts are written on: each means one thing, and its thousands say the step.</summary>
public sealed class LogIdTests
{
    private static readonly string[] Steps = ["accept", "identify", "admit", "forward", "scan", "account", "record", "host"];

    [Fact]
    public void Every_id_is_used_once() =>
        Assert.Empty(Messages().GroupBy(static message => message.Id).Where(static group => group.Count() > 1).Select(static group => $"{group.Key}: {string.Join(" and ", group.Select(static message => message.Where))}"));

    [Fact]
    public void Every_id_begins_with_the_number_of_a_step() =>
        Assert.All(Messages(), static message => Assert.InRange(message.Id / 1_000, 1, Steps.Length));

    [Fact]
    public void Ids_levels_and_texts_are_as_approved()
    {
        var actual = string.Concat(Messages().OrderBy(static message => message.Id).Select(static message =>
            string.Create(CultureInfo.InvariantCulture, $"{message.Id} {Steps[(message.Id / 1_000) - 1]} {message.Level}: {message.Text}\n")));
        var path = Path.Combine(SourceTree.Root, "tests/Tollgate.Tests/Approved/log-ids.txt");
        if (Environment.GetEnvironmentVariable("TOLLGATE_APPROVE") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, actual);
        }

        Assert.Equal(File.ReadAllText(path).ReplaceLineEndings("\n"), actual);
    }

    private static List<(int Id, LogLevel Level, string Text, string Where)> Messages()
    {
        const BindingFlags Any = BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        Assembly[] assemblies = [typeof(GatewayEvents).Assembly, typeof(ClickHouseUsageSink).Assembly, typeof(ControlWatch).Assembly, typeof(Gateway).Assembly];
        return
        [
            .. from type in assemblies.SelectMany(static assembly => assembly.GetTypes())
               from method in type.GetMethods(Any)
               let message = method.GetCustomAttribute<LoggerMessageAttribute>()
               where message is not null
               select (message.EventId, message.Level, message.Message, $"{type.Name}.{method.Name}"),
        ];
    }
}
