using System.Text.RegularExpressions;

namespace Tollgate.Tests.Repository;

/// <summary>docs/ARCHITECTURE.md, "Arrows", held against the sources.</summary>
public sealed partial class ArrowTests
{
    // In the order a request passes them: a room may name those before it.
    private static readonly string[] Rooms = ["Ingress", "Keys", "Admission", "Forwarding", "Scanning", "Accounting", "Recording"];
    private static readonly string[] SharedRooms = ["Facts", "EventLoops", "Configuration", "Metrics"];

    [Fact]
    public void Rooms_look_upstream_only()
    {
        var broken = new List<string>();
        foreach (var (file, line, room, named) in RoomReferences())
        {
            var rule = (room, named) switch
            {
                _ when room == named => null,
                ("Facts" or "EventLoops", _) => $"{room} names nobody",
                (_, "EventLoops") when Rooms.Contains(room) => null,
                (_, "Facts" or "Configuration" or "Metrics") when Rooms.Contains(room) => null,
                ("Configuration" or "Metrics", "Facts") => null,
                ("Metrics", "Configuration") => null, // Metrics takes its options.
                ("Configuration" or "Metrics", _) => $"{room} names only Facts",
                _ when Array.IndexOf(Rooms, named) > Array.IndexOf(Rooms, room) => $"{room} may not look downstream at {named}",
                _ => null,
            };
            if (rule is not null)
            {
                broken.Add($"{file}:{line}: {rule}");
            }
        }

        Assert.Empty(broken);
    }

    [Fact]
    public void Every_folder_of_the_data_path_is_a_room()
    {
        var folders = Directory.EnumerateDirectories(Path.Combine(SourceTree.Root, "src/Tollgate.Proxy")).Select(Path.GetFileName);
        Assert.Empty(folders.Except([.. Rooms, .. SharedRooms, "bin", "obj"]));
    }

    [Theory]
    [InlineData("src/Tollgate.Proxy", "")]
    [InlineData("src/Tollgate.ClickHouse", "Tollgate.Proxy")]
    [InlineData("src/Tollgate.Control", "Tollgate.Proxy")]
    [InlineData("src/Tollgate.Store", "")]
    [InlineData("src/Tollgate", "Tollgate.ClickHouse Tollgate.Control Tollgate.Proxy")]
    [InlineData("demo/Tollgate.Demo", "Tollgate.ClickHouse Tollgate.Proxy")]
    public void A_project_refers_only_to_those_below_it(string project, string allowed)
    {
        var text = File.ReadAllText(Path.Combine(SourceTree.Root, $"{project}/{Path.GetFileName(project)}.csproj"));
        var referred = ProjectReference().Matches(text).Select(static match => match.Groups[1].Value).Order(StringComparer.Ordinal);
        Assert.Equal(allowed.Split(' ', StringSplitOptions.RemoveEmptyEntries), referred);
    }

    [Fact]
    public void Only_the_request_path_its_attempt_and_the_world_name_every_room()
    {
        var atTheTop = SourceTree.Files("src/Tollgate.Proxy", "*.cs").Where(static file => file.Count(static c => c == '/') == 2);
        Assert.Equal(["src/Tollgate.Proxy/Attempt.cs", "src/Tollgate.Proxy/RequestAdmission.cs", "src/Tollgate.Proxy/RequestPath.cs", "src/Tollgate.Proxy/World.cs"], atTheTop);
    }

    private static IEnumerable<(string File, int Line, string Room, string Named)> RoomReferences()
    {
        foreach (var room in Rooms.Concat(SharedRooms).Where(static room => SourceTree.Exists($"src/Tollgate.Proxy/{room}")))
        {
            foreach (var file in SourceTree.Files($"src/Tollgate.Proxy/{room}", "*.cs"))
            {
                var lines = SourceTree.Lines(file);
                for (var i = 0; i < lines.Length; i++)
                {
                    // Documentation may mention any room; only code makes an arrow.
                    if (lines[i].TrimStart().StartsWith("//", StringComparison.Ordinal))
                    {
                        continue;
                    }

                    foreach (Match match in RoomName().Matches(lines[i]))
                    {
                        yield return (file, i + 1, room, match.Groups[1].Value);
                    }
                }
            }
        }
    }

    // "using Tollgate.Proxy.Keys;", and a name qualified from inside the namespace: "Keys.PresentedKey".
    [GeneratedRegex(@"(?:Tollgate\.Proxy\.|(?<![\w.])(?=\w+\.[A-Z]))(Facts|Configuration|Metrics|Ingress|Keys|Admission|Forwarding|Scanning|Accounting|Recording)\b(?!\s*[=;]?\s*\.(Keys|Values)\b)")]
    private static partial Regex RoomName();

    [GeneratedRegex("<ProjectReference Include=\"[^\"]*/([^/\"]+)\\.csproj\"")]
    private static partial Regex ProjectReference();
}
