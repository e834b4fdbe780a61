namespace Tollgate.Control.Storage;

/// <summary>The objects of <c>tollgate.json</c> as they lie over the stored ones; replaced as a whole.</summary>
internal sealed class DeclaredSet
{
    private readonly Dictionary<string, DeclaredObject[]> _byKind = new(StringComparer.Ordinal);
    private readonly Dictionary<(string Kind, string Id), DeclaredObject> _byId = [];

    /// <summary>The set of <paramref name="objects"/>.</summary>
    public DeclaredSet(IReadOnlyList<(ControlKind Kind, DeclaredObject Object)> objects)
    {
        All = objects;
        foreach (var group in objects.GroupBy(static declared => declared.Kind.Name, static declared => declared.Object))
        {
            _byKind[group.Key] = [.. group.OrderBy(static declared => declared.Row.Id, ByteOrder.Instance)];
            foreach (var declared in group)
            {
                _byId[(group.Key, declared.Row.Id)] = declared;
            }
        }
    }

    /// <summary>Nothing.</summary>
    public static DeclaredSet Empty { get; } = new([]);

    /// <summary>All of it.</summary>
    public IReadOnlyList<(ControlKind Kind, DeclaredObject Object)> All { get; }

    /// <summary>A kind's objects, in order of the id's bytes.</summary>
    public IReadOnlyList<DeclaredObject> Of(ControlKind kind) => _byKind.GetValueOrDefault(kind.Name, []);

    /// <summary>One object; null when it is not declared.</summary>
    public DeclaredObject? Find(ControlKind kind, string id) => _byId.GetValueOrDefault((kind.Name, id));
}
