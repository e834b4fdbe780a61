namespace Tollgate.Tests.Repository;

/// <summary>A committed file that a test makes anew and compares, so that a change of what it describes shows in the diff.</summary>
internal static class ApprovedFile
{
    /// <summary>Fails when the file is not <paramref name="text"/>; with TOLLGATE_APPROVE=1 writes it first.</summary>
    /// <param name="path">The file, from the repository's root.</param>
    /// <param name="text">What it should hold.</param>
    public static void Compare(string path, string text)
    {
        var file = Path.Combine(SourceTree.Root, path);
        if (Environment.GetEnvironmentVariable("TOLLGATE_APPROVE") == "1")
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            File.WriteAllText(file, text);
        }

        Assert.True(File.Exists(file), $"{path} is missing. Run this test with TOLLGATE_APPROVE=1 and commit it.");
        Assert.True(File.ReadAllText(file) == text, $"{path} is not what the sources say now. If their change is meant, run this test with TOLLGATE_APPROVE=1 and commit {path}.");
    }
}
