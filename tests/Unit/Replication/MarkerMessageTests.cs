using TopGun.Buckets.Replication;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Replication;

public class MarkerMessageTests
{
    private static readonly string Tag = MarkerMessage.NewTag(new Random(1));

    [Fact]
    public void Markers_come_back_as_they_were_written()
    {
        WriteCheckpointMarker[] markers = [new("ann/phone", 7), new("bé\n", ulong.MaxValue)];

        Assert.Equal(markers, MarkerMessage.TryRead(MarkerMessage.Write(Tag, markers), Tag));
        Assert.Equal([], MarkerMessage.TryRead(MarkerMessage.Write(Tag, []), Tag));
    }

    [Fact]
    public void Messages_of_others_with_our_prefix_are_not_ours()
    {
        var content = MarkerMessage.Write(Tag, [new("ann", 7)]);

        Assert.Null(MarkerMessage.TryRead(content, MarkerMessage.NewTag(new Random(2))));
        Assert.Null(MarkerMessage.TryRead("ping"u8, Tag));
        for (var length = 17; length < content.Length; length++)
            Assert.Null(MarkerMessage.TryRead(content.AsSpan(0, length), Tag));
    }

    [Fact]
    public void A_tag_is_128_bits_and_differs_from_store_to_store()
    {
        var random = new Random(3);

        Assert.Equal(32, MarkerMessage.NewTag(random).Length);
        Assert.NotEqual(MarkerMessage.NewTag(random), MarkerMessage.NewTag(random));
    }
}
