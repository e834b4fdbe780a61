using System.Buffers.Binary;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Tests.Recording.Spool;

/// <summary>Files that are not what was written: only what is damaged is lost, and it is counted.</summary>
public class SpoolDamageTests
{
    private const int Rows = 300;
    private const int SegmentBytes = 32 * 1024;
    private static readonly string First = SegmentHeader.NameOf(0);
    private static readonly string Second = SegmentHeader.NameOf(1);
    private static readonly Random Dice = new(1);

    // Two segments: the rows in the first, one in the second.
    private static readonly (byte[] First, byte[] Second) Whole = Write();

    [Fact]
    public void A_flipped_bit_costs_the_record_it_is_in()
    {
        var row = SpoolRecord.SizeOf(sizeof(long) + 40);
        for (var at = 0; at < SegmentHeader.Bytes + (Rows * row); at++)
        {
            var bytes = (byte[])Whole.First.Clone();
            bytes[at] ^= (byte)(1 << (at % 8));
            var lost = at < SegmentHeader.Bytes ? -1 : (at - SegmentHeader.Bytes) / row;
            var (rows, damaged) = Read(bytes);
            Assert.True(rows.SequenceEqual(Enumerable.Range(0, Rows + 1).Where(attempt => attempt != lost)), $"bit flipped in byte {at}");
            Assert.True(damaged == (lost < 0 ? 0 : 1), $"bit flipped in byte {at}: {damaged} counted");
        }
    }

    [Fact]
    public void A_segment_cut_anywhere_keeps_what_is_before_the_cut()
    {
        var row = SpoolRecord.SizeOf(sizeof(long) + 40);
        for (var length = 0; length <= SegmentHeader.Bytes + (Rows * row); length++)
        {
            var kept = Math.Max(0, length - SegmentHeader.Bytes) / row;
            var (rows, _) = Read(Whole.First[..length]);
            Assert.True(rows.SequenceEqual(Enumerable.Range(0, kept).Append(Rows)), $"cut to {length} bytes: {rows.Count} rows");
        }
    }

    [Fact]
    public void An_unreadable_block_costs_the_records_in_it()
    {
        var row = SpoolRecord.SizeOf(sizeof(long) + 40);
        for (var block = 1; block <= (SegmentHeader.Bytes + (Rows * row)) / 4096; block++)
        {
            var (rows, damaged) = Read(Whole.First, files => files.Break(First, block));
            var first = ((block * 4096) - SegmentHeader.Bytes) / row;
            var last = (((block + 1) * 4096) - 1 - SegmentHeader.Bytes) / row;
            Assert.Equal(Enumerable.Range(0, Rows + 1).Where(attempt => attempt < first || attempt > last || attempt == Rows), rows);
            Assert.True(damaged == 1, $"block {block}: {damaged} counted");
        }
    }

    [Fact]
    public void Garbage_of_any_kind_ends_in_no_row_that_was_not_written()
    {
        for (var round = 0; round < 500; round++)
        {
            var bytes = (byte[])Whole.First.Clone();
            for (var hits = Dice.Next(1, 20); hits > 0; hits--)
            {
                // Stretches of noise, of zeros, and of other parts of the file.
                var (from, to, length) = (Dice.Next(64, bytes.Length - 600), Dice.Next(64, bytes.Length - 600), Dice.Next(1, 600));
                switch (Dice.Next(3))
                {
                    case 0:
                        Dice.NextBytes(bytes.AsSpan(to, length));
                        break;
                    case 1:
                        bytes.AsSpan(to, length).Clear();
                        break;
                    default:
                        Whole.First.AsSpan(from, length).CopyTo(bytes.AsSpan(to));
                        break;
                }
            }

            var rows = Read(bytes).Rows;
            Assert.Equal(rows.Distinct().Order(), rows);
            Assert.Equal(Rows, rows[^1]);
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    public void A_segment_of_another_version_is_refused(int format)
    {
        var bytes = (byte[])Whole.First.Clone();
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), format);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(44), SpoolRecord.Crc32C(0, bytes.AsSpan(0, 44)));
        var refused = Assert.Throws<SpoolFormatException>(() => Read(bytes));
        Assert.Contains($"{First} has spool format {format}, this Tollgate reads 1.", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Files_of_two_spools_are_refused()
    {
        var refused = Assert.Throws<SpoolFormatException>(() => Read(Write().First));
        Assert.Contains("Files of two spools were mixed", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_segment_under_another_ones_name_is_refused() => Assert.Throws<SpoolFormatException>(() => Read(Whole.Second));

    [Theory]
    [InlineData("notes.txt")]
    [InlineData("0.segment")]
    [InlineData("00000000000000AB.segment")]
    [InlineData("copy.segment")]
    public void A_file_that_is_no_segment_is_left_alone(string name)
    {
        var disk = Disk(Whole.First);
        disk.Create(name, 100);
        using var spool = SpoolRows.Open(new ModelFiles(disk, Dice), SegmentBytes);
        Assert.Equal(Rows + 1, SpoolRows.ReadAll(spool).Count);
        Assert.Contains(name, disk.Names.Keys);
    }

    // One part at a time of every size up to a record's, and some beyond: records end, begin and lie across the borders in every way.
    [Fact]
    public void Records_are_the_same_however_a_segment_is_read()
    {
        var sizes = Enumerable.Range(1, 40).Select(static eighth => eighth * 8).Concat([1000, 4096, SegmentBytes, 2 * SegmentBytes]).ToArray();
        foreach (var bytes in new[] { Whole.First, Damaged() })
        {
            var disk = Disk(bytes);
            using var file = new ModelFiles(disk, Dice).Open(First);
            using var segment = Segment.Recovered(file, SegmentHeader.TryRead(bytes, First)!);
            var whole = Read(new SegmentReader(), segment);
            Assert.All(sizes, size => Assert.Equal(whole, Read(new SegmentReader(size), segment)));
        }

        static byte[] Damaged()
        {
            var bytes = (byte[])Whole.First.Clone();
            for (var at = 500; at < bytes.Length; at += 1500)
            {
                Dice.NextBytes(bytes.AsSpan(at, 200));
            }

            return bytes;
        }

        static List<(int Offset, int Length)> Read(SegmentReader reader, Segment segment)
        {
            var found = new List<(int, int)>();
            reader.Open(segment, SegmentHeader.Bytes);
            while (reader.TryRead(int.MaxValue, out var record, out var payload))
            {
                Assert.Equal(record.Length, payload.Length);
                found.Add((record.Offset, record.Length));
            }

            return found;
        }
    }

    private static (byte[] First, byte[] Second) Write()
    {
        var disk = new ModelDisk(Dice);
        using (var spool = SpoolRows.Open(new ModelFiles(disk, Dice), SegmentBytes))
        {
            for (var attempt = 0; attempt < Rows; attempt++)
            {
                Assert.True(SpoolRows.TryWrite(spool, attempt));
            }
        }

        // A second process goes on in the next segment that is free; it becomes the second.
        disk.Kill();
        var first = (byte[])disk.Names[First].Pages.Clone();
        var id = SegmentHeader.TryRead(first, First)!.SpoolId;
        var header = new SegmentHeader(1, SpoolRows.Format, id, SegmentBytes);
        using var segment = Segment.Create(new ModelFiles(disk = new ModelDisk(Dice), Dice), header);
        Assert.True(segment.TryAppend(SpoolRecordKind.Row, new byte[8], SpoolRows.Row(Rows), out _));
        return (first, (byte[])disk.Names[Second].Pages.Clone());
    }

    private static ModelDisk Disk(byte[] first)
    {
        var disk = new ModelDisk(Dice);
        first.CopyTo(disk.Create(First, first.Length).Pages, 0);
        Whole.Second.CopyTo(disk.Create(Second, SegmentBytes).Pages, 0);
        return disk;
    }

    private static (List<int> Rows, int Damaged) Read(byte[] first, Action<ModelFiles>? prepare = null)
    {
        var files = new ModelFiles(Disk(first), Dice);
        prepare?.Invoke(files);
        using var spool = SpoolRows.Open(files, SegmentBytes);
        var rows = new List<int>();
        var reader = new SpoolReader(spool);
        while (reader.TryRead(null, out var row, out _))
        {
            Assert.Equal(SpoolRows.Row(SpoolRows.AttemptOf(row)), row.ToArray());
            rows.Add(SpoolRows.AttemptOf(row));
        }

        reader.Seek(default);
        return (rows, reader.Damaged);
    }
}
