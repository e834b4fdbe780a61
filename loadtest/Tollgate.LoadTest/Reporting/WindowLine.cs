using System.Globalization;
using Tollgate.LoadTest.Measuring;

namespace Tollgate.LoadTest.Reporting;

/// <summary>What is printed after each window, void ones included.</summary>
internal static class WindowLine
{
    /// <summary>One line, and another for each reason why it is void.</summary>
    public static string Of(PeerWindow window)
    {
        var line = string.Create(
            CultureInfo.InvariantCulture,
            $"round {window.Round}  {window.Peer,-12} {window.AnsweredPerSecond,7:F0}/s  p50 {window.Latency.P50 / 1000,8:F3} ms  p99 {window.Latency.P99 / 1000,8:F3} ms  errors {window.Errors}  CPU {window.CpuPerRequest,5:F0} us (rig {window.RigCpuPerRequest:F0})  switches {window.SwitchesPerRequest:F1}  lag p99 {window.Lag.P99 / 1000:F3} ms  others {window.OtherCpuPercent:F0} %");
        if (window.Streams is { } streams)
        {
            line = string.Create(
                CultureInfo.InvariantCulture,
                $"round {window.Round}  {window.Peer,-12} {streams.Held} streams held  {streams.Kibibytes:F1} KiB each  first byte p99 {window.FirstByte.P99 / 1000:F3} ms  largest gap {window.Gap.Max / 1000:F0} ms  errors {window.Errors}  lag p99 {window.Lag.P99 / 1000:F3} ms  others {window.OtherCpuPercent:F0} %");
        }

        return window.IsValid ? line : line + "\n         void: " + string.Join("; ", window.VoidBecause);
    }
}
