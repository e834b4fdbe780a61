using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Recording;

/// <summary>Rows that the store refused for what they are, each in a file of its own beside the spool, with the store's words.</summary>
/// <remarks>
/// A file is written whole and durable before the row counts as done with. The same row put aside again takes the same file.
/// <c>tollgate spool dead-letters</c> lists them, <c>tollgate spool resubmit</c> sends them again.
/// </remarks>
internal sealed class DeadLetters(ISpoolFiles files)
{
    private const string Prefix = "dead-letter-";
    private const string Extension = ".json";

    /// <summary>The numbers of the rows put aside and not sent again since.</summary>
    public IEnumerable<ulong> Sequences()
    {
        foreach (var name in files.List())
        {
            if (TryReadName(name, out var sequence))
            {
                yield return sequence;
            }
        }
    }

    /// <summary>Whether a file's name is a dead letter's.</summary>
    public static bool IsName(string name) => name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(Extension, StringComparison.Ordinal);

    /// <summary>The file of the row with a number.</summary>
    public static string NameOf(ulong sequence) => Prefix + sequence.ToString("D20", CultureInfo.InvariantCulture) + Extension;

    /// <summary>The number that a dead letter's name tells; false for other files.</summary>
    public static bool TryReadName(string name, out ulong sequence)
    {
        sequence = 0;
        return IsName(name) && ulong.TryParse(name.AsSpan(Prefix.Length, name.Length - Prefix.Length - Extension.Length), NumberStyles.None, CultureInfo.InvariantCulture, out sequence);
    }

    /// <summary>Puts the only row of <paramref name="batch"/> aside.</summary>
    /// <exception cref="SpoolFileException">It could not be made durable.</exception>
    public void Put(UsageBatch batch, string error, DateTimeOffset at)
    {
        var name = NameOf(batch.SequenceOf(0));
        var text = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(text, new JsonWriterOptions { Indented = true }))
        {
            json.WriteStartObject();
            json.WriteNumber("sequence", batch.SequenceOf(0));
            json.WriteString("gatewayId", batch.GatewayId);
            json.WriteString("putAsideAt", at);
            json.WriteString("error", error);
            json.WriteNumber("rowFormat", batch.RowFormat);
            json.WriteBase64String("row", batch.Row(0).Span);
            json.WriteEndObject();
        }

        files.WriteWhole(name, text.WrittenSpan);
    }

    /// <summary>Reads one.</summary>
    /// <exception cref="JsonException">The file is damaged.</exception>
    public static DeadLetter Read(ReadOnlySpan<byte> text)
    {
        try
        {
            var reader = new Utf8JsonReader(text);
            using var document = JsonDocument.ParseValue(ref reader);
            var letter = document.RootElement;
            return new DeadLetter(
                letter.GetProperty("sequence").GetUInt64(),
                letter.GetProperty("gatewayId").GetString() ?? string.Empty,
                letter.GetProperty("putAsideAt").GetDateTimeOffset(),
                letter.GetProperty("error").GetString() ?? string.Empty,
                letter.GetProperty("rowFormat").GetInt32(),
                letter.GetProperty("row").GetBytesFromBase64());
        }
        catch (Exception wrong) when (wrong is KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new JsonException(wrong.Message, wrong);
        }
    }
}

/// <summary>A row that was put aside.</summary>
/// <param name="Sequence">Its number.</param>
/// <param name="GatewayId">Whose it is.</param>
/// <param name="PutAsideAt">When.</param>
/// <param name="Error">What the store said.</param>
/// <param name="RowFormat">The version of its form.</param>
/// <param name="Row">Its bytes.</param>
public sealed record DeadLetter(ulong Sequence, string GatewayId, DateTimeOffset PutAsideAt, string Error, int RowFormat, ReadOnlyMemory<byte> Row);
