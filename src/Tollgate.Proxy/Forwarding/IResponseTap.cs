namespace Tollgate.Proxy.Forwarding;

/// <summary>Sees an answer's bytes as they pass; can neither change nor delay them.</summary>
/// <remarks>Never throws and never blocks: what it can't read it notes and lets pass.</remarks>
public interface IResponseTap
{
    /// <summary>Whether the bytes so far are a message that still lacks its end.</summary>
    bool LacksEnd { get; }

    /// <summary>Whether the bytes so far are a whole message: a client may take them for the answer, whatever follows.</summary>
    bool HasEnd { get; }

    /// <summary>Learns how the answer is to be read, before its first byte.</summary>
    void OnHead(int status, string? contentType, string? contentEncoding);

    /// <summary>Sees what one read from the upstream brought, before it is flushed to the client.</summary>
    /// <param name="bytes">Valid during the call only.</param>
    /// <param name="timestamp">When the read completed, as <see cref="TimeProvider.GetTimestamp"/>.</param>
    void OnBytes(ReadOnlySpan<byte> bytes, long timestamp);

    /// <summary>Learns that the answer's bytes have ended, cleanly or not. May come more than once.</summary>
    void OnEnd();
}
