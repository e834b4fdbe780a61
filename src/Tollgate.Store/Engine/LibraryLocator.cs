namespace Tollgate.Store.Engine;

/// <summary>Where libchdb is: named on the command line, beside the executable, or installed in the source tree.</summary>
internal static class LibraryLocator
{
    /// <summary>Where npm puts the library, below the top of the repository.</summary>
    public const string InstalledPath = "src/Tollgate.Store/native/node_modules/@chdb/lib-linux-x64-gnu/libchdb.so";

    /// <summary>The first place that holds the library.</summary>
    /// <param name="named">The value of <c>--library</c>, or null.</param>
    /// <param name="baseDirectory">Where the executable is.</param>
    /// <exception cref="StartupException">None of them does. The message names each place and the command that installs it.</exception>
    public static string Find(string? named, string baseDirectory)
    {
        if (named is not null)
        {
            return File.Exists(named) ? Path.GetFullPath(named) : throw new StartupException($"--library {named} does not exist.");
        }

        var looked = new List<string> { Path.Combine(baseDirectory, "native", "libchdb.so"), Path.Combine(baseDirectory, "libchdb.so") };
        for (var directory = new DirectoryInfo(baseDirectory); directory is not null; directory = directory.Parent)
        {
            looked.Add(Path.Combine(directory.FullName, InstalledPath));
        }

        return looked.Find(File.Exists) ?? throw new StartupException(
            $"""
            libchdb.so, the ClickHouse engine, was not found. Looked for:
              {string.Join("\n  ", looked)}
            Install it with: npm ci --prefix src/Tollgate.Store/native
            or name it with: --library PATH
            """);
    }
}
