using System.Text;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Protocol;

public class Crc32CTests
{
    [Fact]
    public void The_check_value_of_the_catalogue_comes_out() => Assert.Equal(0xE3069283u, Crc32C.Compute(Encoding.ASCII.GetBytes("123456789")));

    [Fact]
    public void Every_length_agrees_with_the_definition_bit_by_bit_and_in_two_parts()
    {
        var random = new Random(7);
        var bytes = new byte[1100];
        random.NextBytes(bytes);
        for (var length = 0; length <= bytes.Length; length++)
        {
            var part = bytes.AsSpan(0, length);
            var split = random.Next(length + 1);

            Assert.Equal(BitByBit(part), Crc32C.Compute(part));
            Assert.Equal(BitByBit(part), Crc32C.Compute(part[split..], Crc32C.Compute(part[..split])));
        }
    }

    private static uint BitByBit(ReadOnlySpan<byte> bytes)
    {
        var crc = ~0u;
        foreach (var value in bytes)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) == 0 ? crc >> 1 : (crc >> 1) ^ 0x82F63B78;
        }
        return ~crc;
    }
}
