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
            }
        }
        Assert.Equal(Texts.Length * Texts.Length, keys.Count);
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
