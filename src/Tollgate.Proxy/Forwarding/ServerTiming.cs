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
        // Whole microseconds and tenths of milliseconds, rounded: formatting floating-point numbers took a hundredth of a request.
        var ours = Rounded(overhead.Ticks, TimeSpan.TicksPerMicrosecond);
        var theirs = Rounded(upstream.Ticks, TimeSpan.TicksPerMillisecond / 10);

        // The longest is 30 characters of text and two numbers of 20.
        Span<char> room = stackalloc char[80];
        headers.Append(
            Header,
            string.Create(CultureInfo.InvariantCulture, room, $"tollgate;dur={ours / 1000}.{ours % 1000:D3}, upstream;dur={theirs / 10}.{theirs % 10}"));
    }

    private static long Rounded(long ticks, long unit) => (ticks / unit) + (ticks % unit * 2 >= unit ? 1 : 0);
}
