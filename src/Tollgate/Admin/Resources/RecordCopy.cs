using System.Reflection;

namespace Tollgate.Admin.Resources;

/// <summary>Carries the properties of one record to another of the same names and types.</summary>
/// <remarks>What the target has more keeps its value: that is how a change leaves alone what a body can't name. ResourceShapeTests holds the names and types together.</remarks>
internal static class RecordCopy
{
    /// <summary>A new record with the values of <paramref name="source"/>.</summary>
    public static TTarget To<TTarget>(object source)
        where TTarget : class, new() => Over(source, new TTarget());

    /// <summary>A new record with the values of <paramref name="source"/> where it has them, else those of <paramref name="beneath"/>.</summary>
    public static TTarget Over<TTarget>(object source, TTarget beneath)
        where TTarget : class, new()
    {
        var target = new TTarget();
        foreach (var property in typeof(TTarget).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(static property => property.CanWrite))
        {
            var from = source.GetType().GetProperty(property.Name);
            property.SetValue(target, from is null ? property.GetValue(beneath) : from.GetValue(source));
        }

        return target;
    }
}
