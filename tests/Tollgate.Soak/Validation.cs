using System.CommandLine;
using System.Numerics;

namespace Tollgate.Soak;

/// <summary>What every option here asks of its value.</summary>
internal static class Validation
{
    /// <summary>A figure above 0.</summary>
    public static void RequirePositive<T>(this Option<T> option)
        where T : INumber<T> =>
        option.Validators.Add(static result =>
        {
            if (result.GetValueOrDefault<T>() is { } value && value <= T.Zero)
            {
                result.AddError($"{result.Option.Name} must be above 0.");
            }
        });
}
