namespace Tollgate.Proxy.Tests;

/// <summary>Files of the source tree that tests compare with or, when approving, write.</summary>
internal static class Repository
{
    private static readonly string Root = FindRoot();

    /// <summary>Compares a file, by its path from the repository's root, or rewrites it when TOLLGATE_APPROVE=1.</summary>
    public static void Approve(string path, string actual)
    {
        var full = Path.Combine(Root, path);
        if (Environment.GetEnvironmentVariable("TOLLGATE_APPROVE") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(full)!);
            File.WriteAllText(full, actual);
        }

        Assert.Equal(File.ReadAllText(full).ReplaceLineEndings("\n"), actual);
    }

    private static string FindRoot()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(directory!.FullName, "Gateway.sln")))
        {
            directory = directory.Parent;
        }

        return directory.FullName;
    }
}
