using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Sockets;
using HdrHistogram;

namespace Tollgate.Soak;

/// <summary>A part of an outage, whose calls are counted apart.</summary>
internal enum OutagePhase
{
    /// <summary>First calls: compilation, connections. Not reported.</summary>
    WarmUp,

    /// <summary>The store is there.</summary>
    Before,

    /// <summary>The store is away.</summary>
    During,

    /// <summary>The store is back and what waited is written.</summary>
    CatchUp,

    /// <summary>As before.</summary>
    After,
}

/// <summary>What the calls of one phase came to.</summary>
internal sealed class PhaseFigures
{
    private int _calls;
    private int _errors;

    /// <summary>From the moment a call was due to its answer's last byte. Units: microseconds, to three digits.</summary>
    public LongConcurrentHistogram Latency { get; } = new(1, 600_000_000, 3);

    /// <summary>From the moment a call was due until it was sent: how late the generator itself was. Units: microseconds, to three digits.</summary>
    public LongConcurrentHistogram Lag { get; } = new(1, 600_000_000, 3);

    /// <summary>Calls that were due.</summary>
    public int Calls => Volatile.Read(ref _calls);

    /// <summary>Calls that got no answer.</summary>
    public int Errors => Volatile.Read(ref _errors);

    /// <summary>A call is due.</summary>
    public void Begin() => Interlocked.Increment(ref _calls);

    /// <summary>A call is sent.</summary>
    public void Send(TimeSpan lag) => Record(Lag, lag);

    /// <summary>A call was answered.</summary>
    public void Answer(TimeSpan latency) => Record(Latency, latency);

    /// <summary>A call was not.</summary>
    public void Fail() => Interlocked.Increment(ref _errors);

    private static void Record(LongConcurrentHistogram histogram, TimeSpan value) =>
        histogram.RecordValue(Math.Clamp((long)value.TotalMicroseconds, 1, histogram.HighestTrackableValue));
}

/// <summary>Calls at a constant rate, whatever the answers take.</summary>
/// <remarks>
/// Open model: a call's clock starts when it was due, not when it could be sent. So a gateway that stands still for a second shows as
/// a second's worth of late calls, and a generator that is late itself makes the figures worse, never better.
/// </remarks>
/// <param name="gateway">Where clients connect.</param>
/// <param name="rate">Calls a second.</param>
/// <param name="tally">Told of every call's end.</param>
internal sealed class OpenLoad(Uri gateway, int rate, SoakTally tally)
{
    // The timer's shortest period; at 2,000 a second two calls are due at each tick.
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(1);

    private readonly ConcurrentStack<SoakCall> _idle = [];
    private readonly PhaseFigures[] _phases = [.. Enum.GetValues<OutagePhase>().Select(static _ => new PhaseFigures())];
    private int _open;

    /// <summary>The phase that calls due now belong to.</summary>
    public OutagePhase Phase { get; set; }

    /// <summary>What a phase came to.</summary>
    public PhaseFigures this[OutagePhase phase] => _phases[(int)phase];

    /// <summary>Calls until told to stop, then waits for the open calls.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Tick);
        var started = Stopwatch.GetTimestamp();
        for (long call = 0; !stop.IsCancellationRequested; await timer.WaitForNextTickAsync(CancellationToken.None))
        {
            for (var due = (long)(Stopwatch.GetElapsedTime(started).TotalSeconds * rate); call < due; call++)
            {
                Interlocked.Increment(ref _open);
                _ = CallAsync(started + (call * Stopwatch.Frequency / rate), call % 5 == 4 ? CallKind.Whole : CallKind.Brief, this[Phase]);
            }
        }

        while (Volatile.Read(ref _open) > 0)
        {
            await timer.WaitForNextTickAsync(CancellationToken.None);
        }

        while (_idle.TryPop(out var connection))
        {
            await connection.DisposeAsync();
        }
    }

    private async Task CallAsync(long due, CallKind kind, PhaseFigures phase)
    {
        phase.Begin();
        try
        {
            if (!_idle.TryPop(out var connection))
            {
                connection = await SoakCall.ConnectAsync(gateway, CancellationToken.None);
            }

            phase.Send(Stopwatch.GetElapsedTime(due));
            var (end, answer) = await connection.CallAsync(kind, CancellationToken.None);
            tally.Add(end, answer);
            if (end == CallEnd.Answered)
            {
                phase.Answer(Stopwatch.GetElapsedTime(due));
                _idle.Push(connection);
                return;
            }

            phase.Fail();
            await connection.DisposeAsync();
        }
        catch (SocketException)
        {
            phase.Fail();
        }
        finally
        {
            Interlocked.Decrement(ref _open);
        }
    }
}
