using System.Text;

namespace Tollgate.Tests.Cli;

/// <summary>Reads CSV by RFC 4180's grammar and refuses what is not of it.</summary>
internal static class Csv
{
    public static List<string[]> Parse(string text)
    {
        var records = new List<string[]>();
        var record = new List<string>();
        for (var at = 0; at < text.Length;)
        {
            var field = new StringBuilder();
            if (text[at] == '"')
            {
                for (at++; text[at] != '"' || (at + 1 < text.Length && text[at + 1] == '"' && ++at > 0); at++)
                {
                    field.Append(text[at]);
                }

                at++;
            }
            else
            {
                for (; text[at] is not (',' or '\r'); at++)
                {
                    Assert.False(text[at] is '"' or '\n', $"character {at} stands outside quotation marks");
                    field.Append(text[at]);
                }
            }

            record.Add(field.ToString());
            if (text[at] == ',')
            {
                at++;
                continue;
            }

            Assert.Equal("\r\n", text.Substring(at, 2));
            at += 2;
            records.Add([.. record]);
            record.Clear();
        }

        Assert.Empty(record);
        return records;
    }
}
