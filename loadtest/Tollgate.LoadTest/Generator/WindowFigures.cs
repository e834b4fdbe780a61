using HdrHistogram;

namespace Tollgate.LoadTest.Generator;

/// <summary>What the requests that were due in a window came to.</summary>
/// <remarks>Units of the histograms: nanoseconds, from 1 µs to two minutes, to three digits; gaps to four. Written by one loop; added up when it has ended.</remarks>
internal sealed class WindowFigures
{
    private const long Lowest = 1_000;
    private const long Highest = 120_000_000_000;

    /// <summary>From when a request was due to its answer's last byte.</summary>
    public LongHistogram Latency { get; } = Empty();

    /// <summary>From when a request was due to its answer's first body byte.</summary>
    public LongHistogram FirstByte { get; } = Empty();

    /// <summary>Between two reads that brought events.</summary>
    /// <remarks>Of 20 ms and more: three digits would be steps of 16 µs, and a gateway may add 5.</remarks>
    public LongHistogram Gap { get; } = Empty(digits: 4);

    /// <summary>From when a request was due until the generator turned to it: its own lateness, whatever the other side does.</summary>
    public LongHistogram Lag { get; } = Empty();

    /// <summary>Requests that were due.</summary>
    public long Due { get; set; }

    /// <summary>Answered with the bytes expected.</summary>
    public long Answered { get; set; }

    /// <summary>Answered with another status than 200.</summary>
    public long Refused { get; set; }

    /// <summary>Broken off, or with other bytes than expected.</summary>
    public long Broken { get; set; }

    /// <summary>Without an answer when the grace was over.</summary>
    public long Missing { get; set; }

    /// <summary>Had to wait for a connection.</summary>
    public long Waited { get; set; }

    /// <summary>All that is not an answer.</summary>
    public long Errors => Refused + Broken + Missing;

    /// <summary>Notes a duration.</summary>
    public static void Record(LongHistogram histogram, long nanoseconds) => histogram.RecordValue(Math.Clamp(nanoseconds, Lowest, Highest));

    /// <summary>Takes in another loop's figures.</summary>
    public void Add(WindowFigures other)
    {
        Latency.Add(other.Latency);
        FirstByte.Add(other.FirstByte);
        Gap.Add(other.Gap);
        Lag.Add(other.Lag);
        Due += other.Due;
        Answered += other.Answered;
        Refused += other.Refused;
        Broken += other.Broken;
        Missing += other.Missing;
        Waited += other.Waited;
    }

    private static LongHistogram Empty(int digits = 3) => new(Lowest, Highest, digits);
}
