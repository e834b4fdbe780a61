using System.CommandLine;
using Tollgate.Demo.History;

namespace Tollgate.Demo;

/// <summary>Options that more than one verb has.</summary>
internal static class DemoOptions
{
    /// <summary>What everything follows from.</summary>
    public static Option<ulong> Seed() => new("--seed") { Description = "What everything follows from: the same seed, the same team and history.", DefaultValueFactory = static _ => DemoHistory.DefaultSeed };

    /// <summary>How far back.</summary>
    public static Option<int> Days()
    {
        var option = new Option<int>("--days") { Description = "Days of history, today included; 1 to 90.", DefaultValueFactory = static _ => DemoHistory.DefaultDays };
        option.Validators.Add(static result =>
        {
            if (result.GetValueOrDefault<int>() is < 1 or > 90)
            {
                result.AddError($"--days is {result.GetValueOrDefault<int>()}; give 1 to 90.");
            }
        });
        return option;
    }
}
