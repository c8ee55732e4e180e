using System.Buffers;
using System.Text;
using TopGun.Buckets.Protocol.RSocket;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Protocol;

public class RSocketFrameTests
{
    [Fact]
    public void A_setup_is_taken_apart()
    {
        // Made by the JavaScript implementation: keepalive 20 s, lifetime 90 s, JSON, metadata {"token":"T"}.
        var message = Convert.FromHexString(
            "00000000" + "0500" + "00010000" + "00004E20" + "00015F90"
            + "10" + Hex("application/json") + "10" + Hex("application/json") + "00000D" + Hex("""{"token":"T"}"""));

        Assert.True(RSocketFrame.TryRead(message, out var frame));

        Assert.Equal((RSocketFrameType.Setup, 0u, 0x10000u, 90_000u), (frame.Type, frame.StreamId, frame.Version, frame.MaxLifetimeMs));
        Assert.Equal("application/json", Encoding.ASCII.GetString(frame.MetadataMimeType));
        Assert.Equal("application/json", Encoding.ASCII.GetString(frame.DataMimeType));
        Assert.Equal("""{"token":"T"}""", Encoding.UTF8.GetString(frame.Metadata));
        Assert.Equal(0, frame.Data.Length);
    }

    [Fact]
    public void A_request_is_taken_apart()
    {
        Assert.True(RSocketFrame.TryRead(Convert.FromHexString("00000001" + "1900" + "0000000A" + "000002" + "6D6D" + "64"), out var frame));

        Assert.Equal((RSocketFrameType.RequestStream, 1u, 10u), (frame.Type, frame.StreamId, frame.Number));
        Assert.Equal("mm", Encoding.UTF8.GetString(frame.Metadata));
        Assert.Equal("d", Encoding.UTF8.GetString(frame.Data));
    }

    [Theory]
    [InlineData("")]
    [InlineData("0000000019")] // no whole header
    [InlineData("80000001" + "2000")] // the first bit of a stream's id
    [InlineData("00000001" + "2000" + "00000000")] // no credits
    [InlineData("00000001" + "2000" + "80000000")] // too many
    [InlineData("00000001" + "1900" + "0000000A" + "000003" + "6D6D")] // metadata that is cut off
    [InlineData("00000000" + "0D00" + "0000")] // KEEPALIVE without a position
    [InlineData("00000000" + "0400" + "00010000" + "00004E20" + "00015F90" + "FF61")] // a type that is cut off
    [InlineData("00000000" + "0480" + "00010000" + "00004E20" + "00015F90" + "FFFF61")] // a resume token that is cut off
    public void What_is_no_frame_is_refused(string hex) => Assert.False(RSocketFrame.TryRead(Convert.FromHexString(hex), out _));

    [Fact]
    public void Written_frames_have_the_bytes_of_the_specification()
    {
        Assert.Equal("0000000328" + "20", Written(output => RSocketFrameWriter.BeginItem(output, 3)));
        Assert.Equal("0000000328" + "40", Written(output => RSocketFrameWriter.Complete(output, 3)));
        Assert.Equal("000000002C00" + "00000003" + "6E6F", Written(output => RSocketFrameWriter.Error(output, 0, RSocketErrorCode.RejectedSetup, "no")));
        Assert.Equal("000000000C00" + "0000000000000000" + "6162", Written(output => RSocketFrameWriter.KeepAlive(output, "ab"u8)));
    }

    private static string Written(Action<IBufferWriter<byte>> write)
    {
        var output = new ArrayBufferWriter<byte>();
        write(output);
        return Convert.ToHexString(output.WrittenSpan);
    }

    private static string Hex(string text) => Convert.ToHexString(Encoding.UTF8.GetBytes(text));
}
