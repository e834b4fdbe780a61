using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace Tollgate.ClickHouse.Schema;

/// <summary>One file of the schema: a numbered migration, or the bootstrap (version 0).</summary>
/// <param name="Version">The number its name begins with; migrations run in its order.</param>
/// <param name="Name">The file's name without <c>.sql</c>.</param>
/// <param name="Checksum">SHA-256 of the text, 64 upper-case hex digits. Taken before tokens are filled in: the same on one server and on a cluster.</param>
/// <param name="Statements">Its statements, tokens not yet filled in, each with the comment above it.</param>
public sealed record SchemaScript(uint Version, string Name, string Checksum, IReadOnlyList<string> Statements)
{
    private const string BootstrapName = "bootstrap";

    /// <summary>Creates the database and the table of migrations; run on every start, never recorded.</summary>
    public static SchemaScript Bootstrap { get; } = Load(BootstrapName, 0);

    /// <summary>Every migration of this binary, in order.</summary>
    public static IReadOnlyList<SchemaScript> Migrations { get; } = LoadMigrations();

    /// <summary>Reads one file's text.</summary>
    /// <exception cref="FormatException">Something follows the last statement's semicolon.</exception>
    public static SchemaScript Parse(uint version, string name, string text)
    {
        // A checkout with CRLF must not look like a changed migration.
        text = text.ReplaceLineEndings("\n");
        var checksum = Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
        return new SchemaScript(version, name, checksum, Split(name, text));
    }

    /// <summary>Cuts a file into statements: one ends where a line that is not a comment ends in a semicolon, and nowhere else.</summary>
    private static List<string> Split(string name, string text)
    {
        var statements = new List<string>();
        var current = new StringBuilder();
        foreach (var line in text.Split('\n'))
        {
            current.Append(line).Append('\n');
            if (line.EndsWith(';') && !line.StartsWith("--", StringComparison.Ordinal))
            {
                statements.Add(current.ToString().Trim().TrimEnd(';'));
                current.Clear();
            }
        }

        return string.IsNullOrWhiteSpace(current.ToString())
            ? statements
            : throw new FormatException($"{name}.sql goes on after its last statement; end every statement with a semicolon at the end of a line.");
    }

    private static SchemaScript[] LoadMigrations() =>
        [.. typeof(SchemaScript).Assembly.GetManifestResourceNames()
            .Where(resource => resource.EndsWith(".sql", StringComparison.Ordinal) && char.IsAsciiDigit(resource[0]))
            .Select(resource => resource[..^".sql".Length])
            .Select(name => Load(name, uint.Parse(name.AsSpan(0, name.IndexOf('_', StringComparison.Ordinal)), NumberStyles.None, CultureInfo.InvariantCulture)))
            .OrderBy(script => script.Version)];

    private static SchemaScript Load(string name, uint version)
    {
        using var stream = typeof(SchemaScript).Assembly.GetManifestResourceStream(name + ".sql")
            ?? throw new InvalidOperationException($"{name}.sql is not built into the assembly.");
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return Parse(version, name, reader.ReadToEnd());
    }
}
