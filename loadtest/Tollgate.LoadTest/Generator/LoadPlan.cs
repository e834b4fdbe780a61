using Tollgate.LoadTest.Polling;
using Tollgate.LoadTest.Wire;

namespace Tollgate.LoadTest.Generator;

/// <summary>One window of load.</summary>
/// <param name="Port">Where to connect, on loopback.</param>
/// <param name="Requests">Whole requests; the connections take them by turns.</param>
/// <param name="Answer">What must come back.</param>
/// <param name="Rate">Requests a second.</param>
/// <param name="WarmUp">Load before the window, not counted.</param>
/// <param name="Window">What is counted: the requests that are due in it.</param>
/// <param name="Connections">Kept open; a request that is due while all are taken waits for one, and its clock runs.</param>
/// <param name="Threads">Loops that share all of it.</param>
/// <param name="Holds">Each connection opens one stream, at the rate, and holds it to the end of the window; the gaps inside the window are counted.</param>
/// <param name="Tls">Null for plain TCP.</param>
internal sealed record LoadPlan(int Port, IReadOnlyList<byte[]> Requests, AnswerBytes Answer, double Rate, TimeSpan WarmUp, TimeSpan Window, int Connections, int Threads, bool Holds = false, TlsContext? Tls = null)
{
    /// <summary>How long after the window answers are waited for; then they count as missing.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromSeconds(10);
}
