using System.Collections;
using System.ComponentModel.DataAnnotations;
using System.Globalization;

namespace Tollgate.Proxy.Configuration;

/// <summary>Bounds of a duration. Stands in for <c>[TimeRange(…)]</c>, which finds its converter by reflection.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class TimeRangeAttribute(string minimum, string maximum) : ValidationAttribute
{
    /// <summary>Shortest allowed, as <c>[d.]hh:mm:ss[.fff]</c>.</summary>
    public string Minimum { get; } = minimum;

    /// <summary>Longest allowed.</summary>
    public string Maximum { get; } = maximum;

    /// <inheritdoc/>
    public override bool IsValid(object? value) =>
        value is TimeSpan time && time >= TimeSpan.Parse(Minimum, CultureInfo.InvariantCulture) && time <= TimeSpan.Parse(Maximum, CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override string FormatErrorMessage(string name) => $"{name} must be between {Minimum} and {Maximum}.";
}

/// <summary>Bounds of a list's length. Stands in for <c>[Length]</c>, which finds the count by reflection.</summary>
[AttributeUsage(AttributeTargets.Property)]
public sealed class ItemCountAttribute(int minimum, int maximum) : ValidationAttribute
{
    /// <summary>Fewest items.</summary>
    public int Minimum { get; } = minimum;

    /// <summary>Most items.</summary>
    public int Maximum { get; } = maximum;

    /// <inheritdoc/>
    public override bool IsValid(object? value) => value is ICollection items && items.Count >= Minimum && items.Count <= Maximum;

    /// <inheritdoc/>
    public override string FormatErrorMessage(string name) => $"{name} must have {Minimum} to {Maximum} entries.";
}
