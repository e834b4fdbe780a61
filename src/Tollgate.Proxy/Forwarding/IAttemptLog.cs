using Microsoft.AspNetCore.Http;

namespace Tollgate.Proxy.Forwarding;

/// <summary>Is told of an attempt before it does what can't be taken back, so that a gateway that dies then still has its row.</summary>
public interface IAttemptLog
{
    /// <summary>The first or the last bytes of the request are about to go upstream. May come twice, or once for both.</summary>
    /// <param name="bytes">Bytes that the body will have: as announced, else as far as it is known.</param>
    /// <param name="isLast">After these the upstream has the whole request, and may work and bill.</param>
    void OnSending(long bytes, bool isLast);

    /// <summary>The answer's head is about to go to the client.</summary>
    /// <param name="soFar">What is known of the attempt.</param>
    /// <param name="headers">The head, with what the upstream said; to be added to.</param>
    void OnHead(ForwardResult soFar, IHeaderDictionary headers)
    {
        // Most have nothing to add.
    }

    /// <summary>The bytes that make the answer whole are about to go to the client.</summary>
    /// <param name="soFar">What is known of the attempt.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Completes when the client may have them.</returns>
    ValueTask OnAnswerWholeAsync(ForwardResult soFar, CancellationToken cancellationToken);
}
