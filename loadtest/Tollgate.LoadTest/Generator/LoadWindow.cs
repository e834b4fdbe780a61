using System.Diagnostics;

namespace Tollgate.LoadTest.Generator;

/// <summary>Runs a plan on threads of its own.</summary>
internal sealed class LoadWindow : IAsyncDisposable
{
    // Time for the threads to start before the first request is due.
    private static readonly TimeSpan HeadStart = TimeSpan.FromMilliseconds(50);

    private readonly LoadLoop[] _loops;
    private readonly Task[] _running;
    private readonly CancellationTokenSource _stop;

    private LoadWindow(LoadLoop[] loops, long start, LoadPlan plan, CancellationToken cancellationToken)
    {
        _loops = loops;
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Start = start + (long)plan.WarmUp.TotalNanoseconds;
        End = Start + (long)plan.Window.TotalNanoseconds;
        _running = [.. loops.Select(loop => Task.Factory.StartNew(() => loop.Run(_stop.Token), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default))];
    }

    /// <summary>When the counted part begins.</summary>
    public long Start { get; }

    /// <summary>When it ends.</summary>
    public long End { get; }

    /// <summary>Answers so far.</summary>
    public long Completed => _loops.Sum(static loop => loop.Completed);

    /// <summary>Connects and starts.</summary>
    public static LoadWindow Open(LoadPlan plan, CancellationToken cancellationToken)
    {
        // Connecting takes a while: the clock starts after it.
        var connecting = Stopwatch.GetTimestamp();
        var allowance = (long)HeadStart.TotalNanoseconds + (plan.Connections * 200_000L);
        var start = connecting + allowance;
        var loops = new List<LoadLoop>();
        try
        {
            for (var turn = 0; turn < plan.Threads; turn++)
            {
                loops.Add(new LoadLoop(plan, start, turn));
            }

            return new LoadWindow([.. loops], start, plan, cancellationToken);
        }
        catch
        {
            loops.ForEach(static loop => loop.Dispose());
            throw;
        }
    }

    /// <summary>Waits until every answer is there, or the grace is over.</summary>
    public async Task<WindowFigures> CloseAsync()
    {
        await Task.WhenAll(_running);
        var sum = new WindowFigures();
        foreach (var loop in _loops)
        {
            sum.Add(loop.Figures);
        }

        return sum;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
        foreach (var loop in _loops)
        {
            loop.Dispose();
        }

        _stop.Dispose();
    }
}
