using Microsoft.AspNetCore.Http;

namespace Tollgate.Proxy.Forwarding;

/// <summary>Ends a request whose answer broke off in the middle; the only exception that leaves the request path on purpose.</summary>
/// <remarks>
/// Kestrel answers an exception after the head by sending what it holds and then closing without the last chunk (HTTP/1.1) or by RST_STREAM
/// (HTTP/2): the client gets every byte there was and can't take the answer for whole. <see cref="HttpContext.Abort"/> would throw away what
/// has not left the process yet (seen: 0 of 485 bytes arrived).
/// </remarks>
public sealed class AnswerBrokeOffException() : Exception("The answer broke off.")
{
    /// <summary>Breaks the client's answer off after the bytes it has been sent.</summary>
    public static void Throw(HttpContext context)
    {
        if (HttpProtocol.IsHttp10(context.Request.Protocol))
        {
            // To HTTP/1.0 the connection's end is the answer's end; only a reset tells it from a good one.
            context.Abort();
            return;
        }

        throw new AnswerBrokeOffException();
    }
}
