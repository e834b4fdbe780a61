namespace Tollgate.Proxy.Keys;

/// <summary>A key of Tollgate's own: whose spend a request is.</summary>
/// <param name="Id">Public id; safe to show.</param>
/// <param name="Name">What people call it.</param>
/// <param name="Hash">SHA-256 of the whole key; the key itself is nowhere.</param>
/// <param name="Developer">Who holds it.</param>
/// <param name="Team">The holder's team.</param>
/// <param name="Project">The project spent on; empty lets the client say.</param>
/// <param name="Customer">The organisation billed.</param>
/// <param name="Disabled">Whether it is refused.</param>
public sealed record VirtualKey(
    string Id,
    string Name,
    ReadOnlyMemory<byte> Hash,
    string Developer,
    string Team,
    string Project,
    string Customer,
    bool Disabled)
{
    /// <summary>Stands for a client that presents no virtual key: every field is empty.</summary>
    public static VirtualKey None { get; } = new(string.Empty, string.Empty, ReadOnlyMemory<byte>.Empty, string.Empty, string.Empty, string.Empty, string.Empty, false);
}
