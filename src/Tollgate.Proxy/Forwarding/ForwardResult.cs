using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Forwarding;

/// <summary>What forwarding one attempt brought to light. Written by <see cref="Forwarder"/> alone.</summary>
public sealed class ForwardResult
{
    /// <summary>How it ended, as far as bytes tell; what the bytes said is the tap's to judge.</summary>
    public ForwardOutcome Outcome { get; set; }

    /// <summary>What to tell the client, who has been sent nothing yet; null when an answer was relayed or nobody is there to be told.</summary>
    public Refusal? Refusal { get; set; }

    /// <summary>Whether the client has been sent a part of an answer whose rest will not come, so that it must not end well.</summary>
    public bool BrokeOff { get; set; }

    /// <summary>The upstream's status; 0 when it gave none.</summary>
    public int Status { get; set; }

    /// <summary>The upstream's <c>request-id</c>; empty without one.</summary>
    public string UpstreamRequestId { get; set; } = string.Empty;

    /// <summary>When the answer's head had come, as a timestamp; 0 when none did.</summary>
    public long HeadAt { get; set; }

    /// <summary>When the first byte of the answer's body had come, as a timestamp; 0 when none did.</summary>
    public long FirstByteAt { get; set; }

    /// <summary>
    /// What Tollgate did with the answer, in timestamp ticks: from each read, and from the head, until the client's connection had been handed it.
    /// Neither the waits for the upstream nor those for a client that reads slowly are in it; a wait until the row is safe is.
    /// </summary>
    public long OwnTime { get; set; }

    /// <summary>Bytes of the answer's body that came.</summary>
    public long ResponseBytes { get; set; }
}
