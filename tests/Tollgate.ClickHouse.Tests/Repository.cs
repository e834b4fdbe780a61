namespace Tollgate.ClickHouse.Tests;

/// <summary>Files of the source tree that tests read or, when approving, write.</summary>
internal static class Repository
{
    private static readonly string Root = FindRoot();

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path)).ReplaceLineEndings("\n");

    /// <summary>Compares with a file of Approved/, or rewrites it when TOLLGATE_APPROVE=1.</summary>
    public static void Approve(string name, string actual) => ApproveDocument(Path.Combine("tests", "Tollgate.ClickHouse.Tests", "Approved", name), actual);

    /// <summary>The same for a file anywhere in the tree.</summary>
    public static void ApproveDocument(string path, string actual)
    {
        if (Environment.GetEnvironmentVariable("TOLLGATE_APPROVE") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(Root, path))!);
            File.WriteAllText(Path.Combine(Root, path), actual);
        }

        Assert.Equal(Read(path), actual);
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
