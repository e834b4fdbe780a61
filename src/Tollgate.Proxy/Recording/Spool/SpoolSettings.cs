namespace Tollgate.Proxy.Recording.Spool;

/// <summary>What a spool is made with.</summary>
/// <param name="SegmentBytes">Size of a segment's file; from 64 KiB to 256 MiB, a multiple of 8.</param>
/// <param name="MaxBytes">Most bytes of the disk, prepared segments included.</param>
/// <param name="RowFormat">The version of the rows' form.</param>
internal sealed record SpoolSettings(int SegmentBytes, long MaxBytes, int RowFormat);
