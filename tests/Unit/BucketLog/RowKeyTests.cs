using System.Buffers;
using System.Text;
using TopGun.Buckets.BucketLog.Evaluation;
using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

public class RowKeyTests
{
    private static readonly string?[] Texts = [null, "", "~", "~0", "\\", "\\N", ",", ",,", "a", "a,b", "a\\,b", "b", "\u0000", new('x', 300), new('y', 300)];

    [Fact]
    public void Different_rows_have_different_keys_and_subkeys()
    {
        var binding = new TableBinding(LogFixture.Table(1, "t", "a", "b") with { Columns = [Key("a"), Key("b")] }, evaluator: null!, number: 3, layout: 1, isLive: true, stage: null);
        HashSet<string> keys = [];
        HashSet<string> subkeys = [];
        foreach (var first in Texts)
        {
            foreach (var second in Texts)
            {
                var row = new SourceRow();
                ScriptedTransaction.Fill(row, [first, second], columns: 2);
                var key = new ArrayBufferWriter<byte>();
                var subkey = new ArrayBufferWriter<byte>();

                Assert.True(RowKey.TryWrite(key, binding, row));
                RowKey.WriteSubkey(subkey, keyColumns: 2, key.WrittenSpan);

                Assert.True(keys.Add(Convert.ToHexString(key.WrittenSpan)), $"{first} {second}");
                var text = Encoding.UTF8.GetString(subkey.WrittenSpan);
                Assert.True(subkeys.Add(text), text);
                Assert.StartsWith("3/", text, StringComparison.Ordinal);
                Assert.True(text.Length < 120, text);
                var back = new ArrayBufferWriter<byte>();
                Assert.Equal(!text.StartsWith("3/~", StringComparison.Ordinal), RowKey.TryReadSubkey(subkey.WrittenSpan, hasKeyColumns: true, back));
                if (!text.StartsWith("3/~", StringComparison.Ordinal))
                    Assert.Equal(key.WrittenSpan, back.WrittenSpan);
            }
        }
        Assert.Equal(Texts.Length * Texts.Length, keys.Count);
    }

    [Fact]
    public void The_place_of_a_row_without_a_key_is_found_again()
    {
        var binding = new TableBinding(LogFixture.Table(1, "t", "a"), evaluator: null!, number: 12, layout: 1, isLive: true, stage: null);
        var (key, subkey, back) = (new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>(), new ArrayBufferWriter<byte>());
        RowKey.WriteOrdinal(key, binding, position: 0xFF00, ordinal: 7);
        RowKey.WriteSubkey(subkey, keyColumns: 0, key.WrittenSpan);

        Assert.True(RowKey.TryReadSubkey(subkey.WrittenSpan, hasKeyColumns: false, back));
        Assert.Equal(key.WrittenSpan, back.WrittenSpan);
        Assert.False(RowKey.TryReadSubkey("12/ab"u8, hasKeyColumns: false, back));
        Assert.False(RowKey.TryReadSubkey("x"u8, hasKeyColumns: true, back));
    }

    [Fact]
    public void A_key_that_did_not_arrive_is_no_key()
    {
        var binding = new TableBinding(LogFixture.Todos, evaluator: null!, number: 1, layout: 1, isLive: true, stage: null);
        var row = new SourceRow();
        row.Reset(4);

        Assert.False(RowKey.TryWrite(new ArrayBufferWriter<byte>(), binding, row));
    }

    private static SourceColumn Key(string name) => new(name, 25, -1, IsKey: true);
}
