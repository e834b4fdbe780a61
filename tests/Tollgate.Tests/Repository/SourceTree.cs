namespace Tollgate.Tests.Repository;

/// <summary>The repository's own files, for the tests that hold it to its rules.</summary>
internal static class SourceTree
{
    private static readonly Lazy<string> FoundRoot = new(static () =>
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (File.Exists(Path.Combine(directory.FullName, "Gateway.sln")))
            {
                return directory.FullName;
            }
        }

        throw new InvalidOperationException("No Gateway.sln above the tests; run them from the repository's artifacts folder.");
    });

    /// <summary>The folder of <c>Gateway.sln</c>.</summary>
    public static string Root => FoundRoot.Value;

    /// <summary>Files below <paramref name="folder"/>, as paths from the root with forward slashes; build output and packages left out.</summary>
    public static IEnumerable<string> Files(string folder, string pattern) => Directory
        .EnumerateFiles(Path.Combine(Root, folder), pattern, SearchOption.AllDirectories)
        .Select(static path => Path.GetRelativePath(Root, path).Replace('\\', '/'))
        .Where(static path => !path.Split('/').Any(static part => part is "artifacts" or "node_modules" or "bin" or "obj"))
        .Order(StringComparer.Ordinal);

    /// <summary>A file's lines.</summary>
    public static string[] Lines(string path) => File.ReadAllLines(Path.Combine(Root, path));

    /// <summary>Whether there is a file or folder at <paramref name="path"/>.</summary>
    public static bool Exists(string path) => Path.Exists(Path.Combine(Root, path));
}
