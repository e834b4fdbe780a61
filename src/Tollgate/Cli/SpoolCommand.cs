using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Tollgate.ClickHouse;
using Tollgate.Configuration;
using Tollgate.Hosting;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Spool;
using ConfigurationPath = Tollgate.Configuration.ConfigurationPath;

namespace Tollgate.Cli;

/// <summary><c>tollgate spool</c>: what waits between the gateway and its store, and the rows that the store refused.</summary>
/// <remarks>Safe while the gateway runs: nothing here takes the spool's lock or touches its segments.</remarks>
/// <param name="loader">Reads the configuration, which says where spool and store are.</param>
/// <param name="time">The clock.</param>
/// <param name="output">Where answers go.</param>
/// <param name="error">Where everything else goes.</param>
internal sealed class SpoolCommand(ConfigurationLoader loader, TimeProvider time, TextWriter output, TextWriter error)
{
    private const int MostErrorLetters = 100;

    /// <summary>The verb with its own.</summary>
    /// <param name="config">The option that names the configuration file.</param>
    /// <param name="json">The option that asks for JSON.</param>
    public Command Create(Option<string?> config, Option<bool> json)
    {
        var status = new Command("status", "What is in the spool now: rows that wait for the store, their age and numbers. Changes nothing, also while the gateway runs.") { config, json };
        status.SetAction(parsed => Run(parsed.GetValue(config), storage => Status(SpoolDirectory.Of(storage), parsed.GetValue(json))));

        var show = new Option<string?>("--show") { HelpName = "N", Description = "Print every field of row N." };
        var letters = new Command("dead-letters", "Rows that the store refused for what they are, with its words.") { show, config, json };
        letters.SetAction(parsed => Run(parsed.GetValue(config), storage => parsed.GetValue(show) is { } number
            ? Show(SpoolDirectory.Of(storage), number, parsed.GetValue(json))
            : List(SpoolDirectory.Of(storage), parsed.GetValue(json))));

        var numbers = new Argument<string[]>("N") { Arity = ArgumentArity.ZeroOrMore, Description = "Numbers of rows, as dead-letters lists them." };
        var all = new Option<bool>("--all") { Description = "Every row that was refused." };
        var resubmit = new Command("resubmit", "Send refused rows to the store again, each once. Exits with 1 when one of them is still not there.") { numbers, all, config, json };
        resubmit.SetAction((parsed, cancellation) =>
            ResubmitAsync(parsed.GetValue(config), parsed.GetValue(numbers) ?? [], parsed.GetValue(all), parsed.GetValue(json), cancellation));
        return new Command("spool", "The queue on disk between the gateway and its store.") { status, letters, resubmit };
    }

    private int Run(string? file, Func<StorageOptions, int> run)
    {
        if (Load(file) is not { } storage)
        {
            return ExitCodes.WrongUse;
        }

        try
        {
            return run(storage);
        }
        catch (DirectoryNotFoundException)
        {
            return NoSpool(storage);
        }
        catch (SpoolFormatException later)
        {
            error.WriteLine(later.Message);
            return ExitCodes.Failed;
        }
    }

    private StorageOptions? Load(string? file)
    {
        var configuration = loader.Load(file);
        if (!configuration.IsValid)
        {
            CheckReport.WriteFindings(configuration, error);
            return null;
        }

        if (configuration.Options.Storage.Mode == StorageMode.None)
        {
            error.WriteLine("storage.mode is \"none\": no ledger is kept, and so there is no spool. Set it to \"embedded\" or \"clickhouse\".");
            return null;
        }

        return configuration.Options.Storage;
    }

    private int NoSpool(StorageOptions storage)
    {
        error.WriteLine($"There is no spool in {SpoolDirectory.Of(storage)}. The gateway makes it at its first start; if that runs elsewhere, correct storage.dataDirectory.");
        return ExitCodes.Failed;
    }

    private int Status(string directory, bool json)
    {
        var status = SpoolInspection.Look(directory);
        var age = status.OldestPending is { } oldest ? time.GetUtcNow() - oldest : TimeSpan.Zero;
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(
                new
                {
                    directory,
                    status.Segments,
                    status.PreparedSegments,
                    status.Bytes,
                    status.PendingRows,
                    status.OldestPending,
                    oldestPendingSeconds = Math.Max(0, (long)age.TotalSeconds),
                    status.FirstSequence,
                    status.NextSequence,
                    status.AcknowledgedSequence,
                    status.OpenAttempts,
                    status.DeadLetters,
                },
                CliJson.Options));
            return ExitCodes.Done;
        }

        output.WriteLine(directory);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  on disk         {status.Bytes:N0} bytes in {status.Segments} segments in use and {status.PreparedSegments} others"));
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  rows waiting    {status.PendingRows:N0}"));
        if (status.OldestPending is { } since)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  oldest          {since.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC, {Math.Max(0, (long)age.TotalSeconds):N0} s ago"));
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  open attempts   {status.OpenAttempts:N0}"));
        output.WriteLine(status.FirstSequence is { } first
            ? string.Create(CultureInfo.InvariantCulture, $"  numbers         {first} to {status.NextSequence - 1}; acknowledged up to {status.AcknowledgedSequence?.ToString(CultureInfo.InvariantCulture) ?? "none"}")
            : "  numbers         none given yet");
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  dead letters    {status.DeadLetters:N0}"));
        return ExitCodes.Done;
    }

    private int List(string directory, bool json)
    {
        var box = new DeadLetterBox(directory);
        var letters = box.Numbers().Select(box.Read).ToList();
        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(letters.Select(static letter => new { letter.Sequence, letter.PutAsideAt, letter.Error, letter.GatewayId, letter.RowFormat }), CliJson.Options));
            return ExitCodes.Done;
        }

        if (letters.Count == 0)
        {
            output.WriteLine("No row was refused.");
            return ExitCodes.Done;
        }

        foreach (var letter in letters)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{letter.Sequence}  {letter.PutAsideAt.UtcDateTime:yyyy-MM-dd HH:mm:ss}  {Cut(letter.Error)}"));
        }

        return ExitCodes.Done;
    }

    private int Show(string directory, string text, bool json)
    {
        if (!TryParse(text, out var number))
        {
            return ExitCodes.WrongUse;
        }

        var box = new DeadLetterBox(directory);
        if (!box.Numbers().Contains(number))
        {
            return NoSuch(number);
        }

        var letter = box.Read(number);
        IReadOnlyList<KeyValuePair<string, object>> fields = [];
        string? unreadable = null;
        try
        {
            fields = RowBinaryDecoder.Read(letter.Row.Span, letter.RowFormat);
        }
        catch (Exception unknown) when (unknown is FormatException or ArgumentOutOfRangeException)
        {
            unreadable = $"Its {letter.Row.Length} bytes can't be read: {unknown.Message}";
        }

        if (json)
        {
            output.WriteLine(JsonSerializer.Serialize(
                new { letter.Sequence, letter.PutAsideAt, letter.Error, letter.GatewayId, letter.RowFormat, fields = unreadable is null ? fields.ToDictionary() : null, unreadable }, CliJson.Options));
            return ExitCodes.Done;
        }

        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Row {letter.Sequence} of gateway {letter.GatewayId}, put aside at {letter.PutAsideAt.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC:"));
        output.WriteLine(letter.Error);
        output.WriteLine();
        if (unreadable is not null)
        {
            output.WriteLine(unreadable);
            return ExitCodes.Done;
        }

        var width = fields.Max(static field => field.Key.Length);
        foreach (var (column, value) in fields)
        {
            output.WriteLine($"  {column.PadRight(width)}  {Say(value)}".TrimEnd());
        }

        return ExitCodes.Done;
    }

    private async Task<int> ResubmitAsync(string? file, string[] texts, bool all, bool json, CancellationToken cancellation)
    {
        if (all == texts.Length > 0)
        {
            await error.WriteLineAsync(all ? "Name rows or say --all, not both." : "Which rows? Name their numbers, as tollgate spool dead-letters lists them, or say --all.");
            return ExitCodes.WrongUse;
        }

        var wanted = new List<ulong>();
        foreach (var text in texts)
        {
            if (!TryParse(text, out var number))
            {
                return ExitCodes.WrongUse;
            }

            wanted.Add(number);
        }

        if (Load(file) is not { } storage)
        {
            return ExitCodes.WrongUse;
        }

        IReadOnlyList<ulong> known;
        var box = new DeadLetterBox(SpoolDirectory.Of(storage));
        try
        {
            known = box.Numbers();
        }
        catch (DirectoryNotFoundException)
        {
            return NoSpool(storage);
        }

        if (wanted.Except(known).ToArray() is { Length: > 0 } missing)
        {
            return NoSuch(missing[0]);
        }

        using var store = StoreAccess.Open(storage);
        var results = new List<Resubmission>();
        foreach (var number in all ? known : [.. wanted.Distinct().Order()])
        {
            var result = await new DeadLetterResubmitter(store, box, storage, time).ResubmitAsync(number, cancellation);
            results.Add(result);
            if (!json)
            {
                await (result.IsStored ? output : error).WriteLineAsync($"Row {number}: {result.What}");
            }

            if (result.IsStoreAway)
            {
                break; // The others would each wait for the same answer.
            }
        }

        if (json)
        {
            await output.WriteLineAsync(JsonSerializer.Serialize(results.Select(static result => new { result.Sequence, stored = result.IsStored, result.What }), CliJson.Options));
        }
        else if (results.Count == 0)
        {
            await output.WriteLineAsync("No row was refused.");
        }

        return results.TrueForAll(static result => result.IsStored) ? ExitCodes.Done : ExitCodes.Failed;
    }

    private bool TryParse(string text, out ulong number)
    {
        if (ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number))
        {
            return true;
        }

        error.WriteLine($"{ConfigurationPath.Quote(text)} is no number of a row. tollgate spool dead-letters lists them.");
        return false;
    }

    private int NoSuch(ulong number)
    {
        error.WriteLine($"No row {number} was put aside. tollgate spool dead-letters lists those that were.");
        return ExitCodes.Failed;
    }

    private static string Cut(string text) => text.Length <= MostErrorLetters ? text : text[..MostErrorLetters] + "…";

    private static string Say(object value) => value switch
    {
        bool truth => truth ? "true" : "false",
        DateTimeOffset moment => moment.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.fff", CultureInfo.InvariantCulture),
        Dictionary<string, string> labels => string.Join(", ", labels.Select(static label => $"{label.Key}={label.Value}")),
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString() ?? string.Empty,
    };
}
