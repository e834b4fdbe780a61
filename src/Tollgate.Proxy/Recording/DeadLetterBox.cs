using System.Text.Json;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Recording;

/// <summary>The rows put aside beside a spool, as an operator sees them; needs no lock, since each is a file of its own.</summary>
/// <param name="directory">The spool's directory.</param>
public sealed class DeadLetterBox(string directory)
{
    /// <summary>Numbers of the rows, in order.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no spool.</exception>
    public IReadOnlyList<ulong> Numbers() =>
        [.. Directory.EnumerateFiles(directory).Select(static path => DeadLetters.TryReadName(Path.GetFileName(path), out var sequence) ? sequence : (ulong?)null).OfType<ulong>().Order()];

    /// <summary>Reads one.</summary>
    /// <exception cref="IOException">It can't be read, or is damaged.</exception>
    public DeadLetter Read(ulong sequence)
    {
        var path = PathOf(sequence);
        try
        {
            return DeadLetters.Read(File.ReadAllBytes(path));
        }
        catch (JsonException damaged)
        {
            throw new IOException($"{path} is damaged: {damaged.Message}", damaged);
        }
    }

    /// <summary>Deletes one, durably: it does not come back after a power cut.</summary>
    /// <exception cref="IOException">The disk refused.</exception>
    public void Delete(ulong sequence)
    {
        File.Delete(PathOf(sequence));
        Libc.SyncDirectory(directory);
    }

    private string PathOf(ulong sequence) => Path.Combine(directory, DeadLetters.NameOf(sequence));
}
