using System.Threading.Tasks.Sources;

namespace Tollgate.Proxy.EventLoops;

/// <summary>A read or a write that waits for its socket. One at a time; used again and again.</summary>
internal sealed class LoopOperation : IValueTaskSource<int>, IValueTaskSource
{
    private ManualResetValueTaskSourceCore<int> _core;

    /// <summary>Whether it waits.</summary>
    public bool IsPending { get; private set; }

    /// <summary>Begins to wait.</summary>
    public ValueTask<int> Begin()
    {
        Start();
        return new ValueTask<int>(this, _core.Version);
    }

    /// <summary>Begins to wait for something without a result.</summary>
    public ValueTask BeginWithoutResult()
    {
        Start();
        return new ValueTask(this, _core.Version);
    }

    /// <summary>It is done; who awaits it goes on at once, here.</summary>
    public void Complete(int result)
    {
        IsPending = false;
        _core.SetResult(result);
    }

    /// <summary>It failed; who awaits it is told at once, here.</summary>
    public void Fail(Exception exception)
    {
        IsPending = false;
        _core.SetException(exception);
    }

    /// <inheritdoc/>
    public int GetResult(short token) => _core.GetResult(token);

    void IValueTaskSource.GetResult(short token) => _core.GetResult(token);

    /// <inheritdoc/>
    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    /// <inheritdoc/>
    /// <remarks>The context is left out: completion comes on the loop, which is where it would be posted to.</remarks>
    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags & ~ValueTaskSourceOnCompletedFlags.UseSchedulingContext);

    private void Start()
    {
        if (IsPending)
        {
            throw new InvalidOperationException("The operation before is still waiting.");
        }

        _core.Reset();
        IsPending = true;
    }
}
