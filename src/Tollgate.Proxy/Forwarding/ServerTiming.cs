using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Tollgate.Proxy.Forwarding;

/// <summary>Tells a client where its time went, in the answer's head: <c>Server-Timing: tollgate;dur=0.012, upstream;dur=812.4</c>.</summary>
/// <remarks>Units: milliseconds. Source: W3C Server Timing; values of several servers stand beside each other.</remarks>
internal static class ServerTiming
{
    /// <summary>The header's name.</summary>
    public const string Header = "Server-Timing";

    /// <summary>Adds Tollgate's value after those that are there.</summary>
    /// <param name="headers">The answer's head.</param>
    /// <param name="overhead">What Tollgate took until the upstream was handed the first bytes.</param>
    /// <param name="upstream">From the last bytes that the upstream was handed to the answer's head.</param>
    /// <remarks>Hot path: allocates the value and nothing else, unless the upstream sent values too.</remarks>
    public static void Append(IHeaderDictionary headers, TimeSpan overhead, TimeSpan upstream)
    {
        // The longest is 30 characters of text and two numbers of 20.
        Span<char> room = stackalloc char[80];
        headers.Append(
            Header,
            string.Create(CultureInfo.InvariantCulture, room, $"tollgate;dur={overhead.TotalMilliseconds:F3}, upstream;dur={upstream.TotalMilliseconds:F1}"));
    }
}
