namespace Tollgate.Control;

/// <summary>A change that can't be made as asked. Its message may be shown to who asked.</summary>
/// <param name="kind">What was to be changed: <see cref="ControlKind.Name"/>.</param>
/// <param name="id">Which one.</param>
/// <param name="message">What is the matter and what to do.</param>
public abstract class ControlException(string kind, string id, string message) : Exception(message)
{
    /// <summary>What was to be changed.</summary>
    public string Kind { get; } = kind;

    /// <summary>Which one.</summary>
    public string Id { get; } = id;
}

/// <summary>There is no such object.</summary>
public sealed class ControlNotFoundException(string kind, string id)
    : ControlException(kind, id, $"There is no {kind} \"{id}\".");

/// <summary>The id is taken, or somebody was faster.</summary>
/// <param name="kind">What was to be changed.</param>
/// <param name="id">Which one.</param>
/// <param name="expectedRevision">The revision asked for; null when the id was to be new.</param>
/// <param name="currentRevision">The revision there is.</param>
public sealed class ControlConflictException(string kind, string id, long? expectedRevision, long currentRevision)
    : ControlException(kind, id, expectedRevision is null
        ? $"There is a {kind} \"{id}\" already. Choose another id, or change that one."
        : $"The {kind} \"{id}\" was changed meanwhile: it has revision {currentRevision}, not {expectedRevision}. Read it again, then change it.")
{
    /// <summary>The revision there is.</summary>
    public long CurrentRevision { get; } = currentRevision;
}

/// <summary><c>tollgate.json</c> declares the object.</summary>
public sealed class ControlReadOnlyException(string kind, string id)
    : ControlException(kind, id, $"The {kind} \"{id}\" is declared in tollgate.json and can't be changed from here. Edit tollgate.json.");

/// <summary>An object's secret can't be read: another key sealed it, or somebody altered the store.</summary>
public sealed class ControlSecretException(string kind, string id)
    : ControlException(kind, id, $"The secret of the {kind} \"{id}\" can't be opened: it was sealed with another key file or for another object. Restore control.keyFile, or delete the {kind} and add it anew.");

/// <summary>The control store's database can't be reached or used at the moment. Nothing was changed, unless the connection broke at the very commit.</summary>
/// <param name="inner">What its driver said.</param>
public sealed class ControlUnavailableException(Exception inner)
    : Exception($"The control store can't be reached or used: {inner.Message}", inner);
