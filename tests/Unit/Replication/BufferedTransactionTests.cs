using System.Text;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Replication.PgOutput;
using TopGun.Buckets.SyncRules;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Replication;

public sealed class BufferedTransactionTests : IDisposable
{
    private readonly RelationCache _relations = new();
    private readonly BufferedTransaction _transaction;

    public BufferedTransactionTests()
    {
        _transaction = new BufferedTransaction(_relations);
        _relations.Learn(RelationMessage.Parse(MessageBytes.Relation(1, "lists", 'd', "id*", "name", "note")));
        _transaction.Begin();
    }

    public void Dispose() => _transaction.Dispose();

    [Fact]
    public void Changes_come_in_the_order_in_which_they_were_made()
    {
        _transaction.AddChange(MessageBytes.Insert(1, "7", "seven", null));
        _transaction.AddChange(MessageBytes.Update(1, "7", "SEVEN", ""));
        _transaction.AddChange(MessageBytes.Delete(1, 'K', "7", null, null));

        Assert.Equal(["Insert () (7|seven|∅)", "Update () (7|SEVEN|)", "Delete (7|absent|absent) ()"], Read());
    }

    [Fact]
    public void Changes_can_be_read_again_from_the_start()
    {
        _transaction.AddChange(MessageBytes.Insert(1, "7", "seven", null));
        _transaction.AddChange(MessageBytes.Insert(1, "8", "eight", null));
        _transaction.ReadChanges().Read();

        Assert.Equal(Read(), Read());
        Assert.Equal(2, Read().Count);
    }

    [Fact]
    public void A_changed_key_comes_with_the_old_one()
    {
        _transaction.AddChange(MessageBytes.Update(1, 'K', ["7", null, null], ["8", "«unchanged»", "x"]));

        Assert.Equal(["Update (7|absent|absent) (8|unchanged|x)"], Read());
    }

    [Fact]
    public void Under_identity_full_values_that_were_not_sent_again_are_taken_from_the_old_row()
    {
        _relations.Learn(RelationMessage.Parse(MessageBytes.Relation(1, "lists", 'f', "id*", "name*", "note*")));

        _transaction.AddChange(MessageBytes.Update(1, 'O', ["7", "long", null], ["7", "«unchanged»", "new"]));

        Assert.Equal(["Update (7|long|∅) (7|long|new)"], Read());
    }

    [Fact]
    public void A_definition_that_changes_within_the_transaction_holds_from_there_on()
    {
        var before = _relations.Find(1);
        _transaction.AddChange(MessageBytes.Insert(1, "7", "seven", null));
        var after = _relations.Learn(RelationMessage.Parse(MessageBytes.Relation(1, "lists", 'd', "id*", "name")));
        _transaction.AddDefinition(before, after);
        _transaction.AddChange(MessageBytes.Insert(1, "8", "eight"));

        Assert.Equal(["Insert () (7|seven|∅)", "Insert () (8|eight)"], Read());
        Assert.Equal(["Insert () (7|seven|∅)", "Insert () (8|eight)"], Read());
        Assert.True(_transaction.HasDefinitions);
    }

    [Fact]
    public void A_truncate_names_only_tables_that_are_ours()
    {
        _transaction.AddChange(MessageBytes.Truncate(5, 1));

        var changes = _transaction.ReadChanges();

        Assert.True(changes.Read());
        Assert.Equal(RowChangeKind.Truncate, changes.Kind);
        Assert.Equal(["lists"], changes.Truncated.Select(table => table.Name));
    }

    [Fact]
    public void A_transaction_larger_than_any_chunk_is_read_whole()
    {
        var note = new string('n', 300_000);
        for (var id = 0; id < 20; id++)
            _transaction.AddChange(MessageBytes.Insert(1, id.ToString(System.Globalization.CultureInfo.InvariantCulture), "x", note));
        _transaction.AddChange(MessageBytes.Insert(1, "20", "x", new string('n', 3_000_000)));

        var rows = Read();

        Assert.Equal(Enumerable.Range(0, 21).Select(id => $"Insert () ({id}|x|"), rows.Select(row => row[..(row.LastIndexOf('|') + 1)]));
        Assert.True(_transaction.ByteCount > 9_000_000);
    }

    [Fact]
    public void The_object_is_empty_again_for_the_next_transaction()
    {
        _transaction.AddChange(MessageBytes.Insert(1, "7", "seven", null));
        _transaction.AddMarkers([new WriteCheckpointMarker("u", 1)]);
        _transaction.Commit(CommitMessage.Parse(MessageBytes.Commit(100)));
        Assert.Equal(new Lsn(100), _transaction.EndPosition);
        Assert.Equal(77, _transaction.CommitTimeMicroseconds);

        _transaction.Begin();

        Assert.True(_transaction.IsEmpty);
        Assert.Empty(Read());
        Assert.Empty(_transaction.Markers);
    }

    [Fact]
    public void Reading_allocates_nothing_for_a_row()
    {
        for (var id = 0; id < 10_000; id++)
            _transaction.AddChange(MessageBytes.Insert(1, "7", "seven", "note"));
        Drain();

        var before = GC.GetAllocatedBytesForCurrentThread();
        var rows = Drain();
        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(10_000, rows);
        Assert.InRange(allocated, 0, 1000); // the runtime's own; a single byte per row would be ten times that
    }

    [Theory]
    [MemberData(nameof(Malformed))]
    public void Bytes_that_make_no_sense_are_refused_by_name(string what, byte[] message)
    {
        _transaction.AddChange(message);

        var failure = Assert.Throws<BucketsException>(() => Drain());

        Assert.Equal("TGB1107", failure.Code);
        Assert.Contains(what, failure.Message, StringComparison.Ordinal);
    }

    public static TheoryData<string, byte[]> Malformed() => new()
    {
        { "number of columns", MessageBytes.Insert(1, "7") },
        { "number of columns", MessageBytes.Insert(1, "7", "a", "b", "c") },
        { "was not sent before", MessageBytes.Insert(2, "7") },
        { "longer than what it says", [.. MessageBytes.Insert(1, "7", "a", "b"), 0] },
        { "new row is missing", MessageBytes.Delete(1, 'K', "7", null, null).Select((one, index) => index == 0 ? (byte)'I' : one).ToArray() },
        { "old row is missing", MessageBytes.Insert(1, "7", "a", "b").Select((one, index) => index == 0 ? (byte)'D' : one).ToArray() },
        { "of unknown kind", new MessageBytes().Byte('I').Int32(1).Byte('N').Int16(3).Byte('b').Int32(1).Byte('x').Done() },
        { "shorter than it says", new MessageBytes().Byte('I').Int32(1).Byte('N').Int16(3).Byte('t').Int32(int.MaxValue).Done() },
        { "shorter than it says", new MessageBytes().Byte('I').Int32(1).Byte('N').Int16(3).Byte('t').Int32(-1).Done() },
        { "shorter than it says", new MessageBytes().Byte('T').Int32(1000).Byte(0).Int32(1).Done() },
    };

    [Fact]
    public void Every_message_cut_short_is_refused()
    {
        byte[][] messages =
        [
            MessageBytes.Insert(1, "7", "seven", null),
            MessageBytes.Update(1, 'K', ["7", null, null], ["8", "«unchanged»", "x"]),
            MessageBytes.Delete(1, 'O', "7", "seven", "x"),
            MessageBytes.Truncate(1, 1),
        ];
        foreach (var message in messages)
        {
            for (var length = 1; length < message.Length; length++)
            {
                _transaction.Begin();
                _transaction.AddChange(message.AsSpan(0, length));
                Assert.Equal("TGB1107", Assert.Throws<BucketsException>(() => Drain()).Code);
            }
        }
    }

    [Fact]
    public void Every_relation_cut_short_is_refused()
    {
        var message = MessageBytes.Relation(1, "lists", 'd', "id*", "name");
        for (var length = 1; length < message.Length; length++)
            Assert.Equal("TGB1107", Assert.Throws<BucketsException>(() => RelationMessage.Parse(message.AsSpan(0, length))).Code);
    }

    [Fact]
    public void Random_bytes_are_read_or_refused_but_never_anything_else()
    {
        var random = new Random(20_260);
        var kinds = "IUDT"u8.ToArray();
        for (var round = 0; round < 20_000; round++)
        {
            var message = MessageBytes.Update(1, 'K', ["7", null, null], ["8", "seven", "x"]);
            message[0] = kinds[random.Next(kinds.Length)];
            for (var flips = random.Next(4); flips >= 0; flips--)
                message[random.Next(1, message.Length)] = (byte)random.Next(256);
            _transaction.Begin();
            _transaction.AddChange(message);
            try
            {
                Drain();
            }
            catch (BucketsException failure)
            {
                Assert.Equal("TGB1107", failure.Code);
            }
        }
    }

    private int Drain()
    {
        var changes = _transaction.ReadChanges();
        var count = 0;
        while (changes.Read())
            count++;
        return count;
    }

    private List<string> Read()
    {
        var result = new List<string>();
        var changes = _transaction.ReadChanges();
        while (changes.Read())
            result.Add($"{changes.Kind} ({Text(changes.Old)}) ({Text(changes.New)})");
        return result;
    }

    private static string Text(SourceRow row) => string.Join('|', row.Values.ToArray().Select(value => value.Kind switch
    {
        SourceValueKind.Null => "∅",
        SourceValueKind.Unchanged => "unchanged",
        SourceValueKind.Absent => "absent",
        _ => Encoding.UTF8.GetString(value.Text.Span),
    }));
}
