namespace Tollgate.ClickHouse.Rollup;

/// <summary>Slots from <see cref="From"/> on to before <see cref="To"/>.</summary>
internal readonly record struct SlotRange(DateTimeOffset From, DateTimeOffset To)
{
    // MEMORY_LIMIT_EXCEEDED; the embedded engine gives a statement 0.8 GiB.
    private const int TooMuchMemory = 241;

    /// <summary>The range in pieces that each lie within one UTC day.</summary>
    public IEnumerable<SlotRange> Days()
    {
        for (var start = From; start < To;)
        {
            var midnight = new DateTimeOffset(start.UtcDateTime.Date, TimeSpan.Zero).AddDays(1);
            var end = midnight < To ? midnight : To;
            yield return new SlotRange(start, end);
            start = end;
        }
    }

    /// <summary>Runs a statement over the range; one that takes too much memory over both halves instead, down to single slots.</summary>
    /// <param name="run">Runs it over a part of the range. Where the store is changed, it must be all or nothing.</param>
    public async Task InPiecesAsync(Func<SlotRange, Task> run)
    {
        try
        {
            await run(this);
        }
        catch (StoreException failed) when (failed.Code == TooMuchMemory && To - From > MoneySlot.Length)
        {
            var middle = MoneySlot.Floor(From + ((To - From) / 2));
            await new SlotRange(From, middle).InPiecesAsync(run);
            await new SlotRange(middle, To).InPiecesAsync(run);
        }
    }

    /// <summary>The range as the parameters <c>{from:UInt32}</c> and <c>{to:UInt32}</c>, Unix seconds.</summary>
    /// <param name="slots">Single slots, as <c>{slots:Array(UInt32)}</c>; those out of the range do no harm.</param>
    public Dictionary<string, object> ToParameters(IEnumerable<DateTimeOffset>? slots = null)
    {
        var parameters = new Dictionary<string, object>(StringComparer.Ordinal) { ["from"] = (uint)From.ToUnixTimeSeconds(), ["to"] = (uint)To.ToUnixTimeSeconds() };
        if (slots is not null)
        {
            parameters["slots"] = slots.Select(static slot => (uint)slot.ToUnixTimeSeconds()).ToArray();
        }

        return parameters;
    }
}
