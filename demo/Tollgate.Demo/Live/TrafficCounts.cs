namespace Tollgate.Demo.Live;

/// <summary>What the simulated developers have seen so far.</summary>
internal sealed class TrafficCounts
{
    private long _sent;
    private long _refused;
    private long _failed;
    private long _stopped;

    /// <summary>Requests sent.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    /// <summary>Those that Tollgate itself refused.</summary>
    public long Refused => Interlocked.Read(ref _refused);

    /// <summary>Those that the provider refused, or that broke off.</summary>
    public long Failed => Interlocked.Read(ref _failed);

    /// <summary>Those that a developer stopped.</summary>
    public long Stopped => Interlocked.Read(ref _stopped);

    /// <summary>One was sent.</summary>
    public void CountSent() => Interlocked.Increment(ref _sent);

    /// <summary>One has ended.</summary>
    public void CountEnd(CallResult result) => _ = result switch
    {
        CallResult.Refused => Interlocked.Increment(ref _refused),
        CallResult.Failed => Interlocked.Increment(ref _failed),
        CallResult.Stopped => Interlocked.Increment(ref _stopped),
        _ => 0,
    };
}

/// <summary>What a simulated developer saw of a request.</summary>
internal enum CallResult
{
    /// <summary>A whole answer.</summary>
    Answered,

    /// <summary>An error of the provider's, or half an answer.</summary>
    Failed,

    /// <summary>The developer stopped it.</summary>
    Stopped,

    /// <summary>Tollgate refused it: a budget is spent.</summary>
    Refused,
}
