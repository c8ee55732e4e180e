using TopGun.Buckets.Replication.PgOutput;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Replication;

public class MessageBufferTests
{
    [Fact]
    public void Messages_beyond_the_memory_limit_come_back_from_disk_in_order()
    {
        using var buffer = new MessageBuffer(memoryLimitBytes: 3 << 20);
        for (var transaction = 0; transaction < 3; transaction++)
        {
            buffer.Clear();
            for (var index = 0; index < 400; index++)
                buffer.Append(Message(transaction, index));

            Assert.True(buffer.SpilledBytes > 10 << 20);
            Assert.Equal(Enumerable.Range(0, 400).Sum(Length), buffer.ByteCount);
            AssertHolds(buffer, transaction);
            AssertHolds(buffer, transaction); // a second reading starts over
        }
        buffer.Clear();
        Assert.Equal(0, buffer.SpilledBytes);
        MessageBuffer.Cursor start = default;
        Assert.False(buffer.TryRead(ref start, out _));
    }

    [Fact]
    public void A_small_transaction_never_touches_the_disk()
    {
        using var buffer = new MessageBuffer(memoryLimitBytes: 3 << 20);
        for (var transaction = 0; transaction < 100; transaction++)
        {
            buffer.Clear();
            buffer.Append(new byte[100_000]);
            buffer.Append(new byte[1_900_000]);
            Assert.Equal(0, buffer.SpilledBytes);
        }
    }

    private static void AssertHolds(MessageBuffer buffer, int transaction)
    {
        MessageBuffer.Cursor cursor = default;
        for (var index = 0; index < 400; index++)
        {
            Assert.True(buffer.TryRead(ref cursor, out var message));
            Assert.True(message.Span.SequenceEqual(Message(transaction, index)), $"message {index}");
        }
        Assert.False(buffer.TryRead(ref cursor, out _));
    }

    private static byte[] Message(int transaction, int index)
    {
        var message = new byte[Length(index)];
        new Random((transaction * 1000) + index).NextBytes(message);
        return message;
    }

    // Most are small, some are larger than a chunk.
    private static int Length(int index) => index % 50 == 7 ? 1_500_000 : 1 + (index * 37 % 9000);
}
