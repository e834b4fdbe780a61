namespace Tollgate.Proxy.Forwarding;

/// <summary>Sees an answer's bytes as they pass; can neither change nor delay them.</summary>
public interface IResponseTap
{
    /// <summary>Sees what one read from the upstream brought, before it is flushed to the client.</summary>
    /// <param name="bytes">Valid during the call only.</param>
    /// <param name="timestamp">When the read completed, as <see cref="TimeProvider.GetTimestamp"/>.</param>
    /// <remarks>Never throws and never blocks: what it can't read it notes and lets pass.</remarks>
    void OnBytes(ReadOnlySpan<byte> bytes, long timestamp);

    /// <summary>Learns that the answer's bytes have ended, cleanly or not.</summary>
    void OnEnd();
}
