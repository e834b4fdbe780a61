using System.Buffers;
using Tollgate.Testing;

namespace Tollgate.ClickHouse.Tests;

/// <summary>Apart from RowBinaryEncoderTests, because it needs no store.</summary>
public sealed class RowBinaryAllocationTests
{
    [Fact]
    public void Encoding_a_warm_row_allocates_nothing()
    {
        var rows = RandomRows.Many(50);
        rows[0].Project = new string('x', 5000);
        var output = new ArrayBufferWriter<byte>(1 << 20);
        Encode();
        output.ResetWrittenCount();
        Assert.Equal(0, Allocations.Least(Encode));

        void Encode()
        {
            foreach (var row in rows)
            {
                RowBinaryEncoder.WriteRow(output, row);
            }
        }
    }
}
