using System.Security.Cryptography;
using System.Text;
using Tollgate.Proxy.Keys;
using Tollgate.Testing;

namespace Tollgate.Proxy.Tests.Keys;

public class VirtualKeyFormatTests
{
    [Fact]
    public void The_checksum_is_the_well_known_CRC_32() => Assert.Equal(0xCBF43926u, VirtualKeyFormat.Crc32("123456789"));

    [Fact]
    public void A_created_key_parses_to_its_id()
    {
        var key = VirtualKeyFormat.Create("alice01");
        Assert.True(VirtualKeyFormat.TryParse(key, out var id));
        Assert.Equal("alice01", id.ToString());
        Assert.Matches("^tg_alice01_[0-9A-Za-z]{49}$", key);
        Assert.NotEqual(key, VirtualKeyFormat.Create("alice01"));
    }

    [Fact]
    public void Changing_or_cutting_any_character_is_noticed()
    {
        var key = VirtualKeyFormat.Create("alice01");
        for (var i = 0; i < key.Length; i++)
        {
            var changed = key.ToCharArray();
            changed[i] = changed[i] == 'a' ? 'b' : 'a';
            Assert.False(VirtualKeyFormat.TryParse(changed, out _), $"at {i}");
            Assert.False(VirtualKeyFormat.TryParse(key.AsSpan(0, i), out _), $"cut at {i}");
        }
    }

    [Fact]
    public void A_hash_is_the_SHA_256_of_the_whole_key()
    {
        var key = VirtualKeyFormat.Create("alice01");
        Assert.Equal(SHA256.HashData(Encoding.ASCII.GetBytes(key)), VirtualKeyFormat.Hash(key));
        Assert.False(VirtualKeyFormat.TryHash(new string('a', VirtualKeyFormat.MaxLength + 1), new byte[32]));
    }

    [Fact]
    public void Parsing_and_hashing_allocate_nothing()
    {
        var key = VirtualKeyFormat.Create("alice01");
        var hash = new byte[VirtualKeyFormat.HashBytes];
        Assert.True(VirtualKeyFormat.TryParse(key, out _) && VirtualKeyFormat.TryHash(key, hash));
        Assert.Equal(0, Allocations.Least(() => Assert.True(VirtualKeyFormat.TryParse(key, out _) && VirtualKeyFormat.TryHash(key, hash))));
    }

    [Theory]
    [InlineData("abc")]
    [InlineData("With-Capital")]
    [InlineData("a_b_c_d")]
    public void An_id_outside_the_format_makes_no_key(string id) => Assert.Throws<ArgumentException>(() => VirtualKeyFormat.Create(id));
}
