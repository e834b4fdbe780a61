namespace Tollgate.Testing.Gateway;

/// <summary>A directory of its own for one test, removed with it.</summary>
public sealed class TemporaryDirectory : IDisposable
{
    /// <summary>Full path.</summary>
    public string Path { get; } = Directory.CreateTempSubdirectory("tollgate-e2e-").FullName;

    /// <summary>A path inside, with its directory made.</summary>
    public string Subdirectory(string name) => Directory.CreateDirectory(System.IO.Path.Combine(Path, name)).FullName;

    /// <inheritdoc/>
    public void Dispose()
    {
        try
        {
            Directory.Delete(Path, recursive: true);
        }
        catch (IOException)
        {
            // A process that was just killed may still hold a file; the system clears its temporary directory anyway.
        }
    }
}
