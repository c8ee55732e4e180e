using Microsoft.Win32.SafeHandles;
using SQLitePCL;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class FirstDownloadTests : IAsyncDisposable
{
    private const string ToVersion3 = "DROP TABLE tg_native; ALTER TABLE tg_tx DROP COLUMN applying; ALTER TABLE tg_tx DROP COLUMN replaced;";

    private readonly ScratchFolder _folder = new();
    private ApplierBench? _bench;

    [Fact]
    public async Task It_is_merged_in_small_transactions_of_which_only_the_last_shows_anything()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(
            Lines.Checkpoint(4, null, ("a", 10, 3)), Lines.Data("a", Put(1, "t4", "d"), Put(2, "t2", "b")), Lines.Data("a", Put(3, "t3", "c"), Put(4, "t1", "a")));

        var seen = new List<string?>();
        using (var reader = Database.OpenReader(_folder.Database))
        {
            // Called before a commit takes effect, so it tells what the one before left.
            delegate_commit look = _ =>
            {
                seen.Add(reader.Prepare("SELECT group_concat(id) FROM todos").RunText());
                return 0;
            };
            await bench.InWriteAsync(database =>
            {
                raw.sqlite3_commit_hook(database.Handle, look, null);
                return true;
            });
            await bench.ApplyAsync(Lines.Complete(4));
            await bench.InWriteAsync(database =>
            {
                raw.sqlite3_commit_hook(database.Handle, (delegate_commit?)null, null);
                return true;
            });
            GC.KeepAlive(look);
        }

        Assert.True(seen.Count >= 6, $"{seen.Count} transactions"); // one for each of the four rows, at least
        Assert.All(seen, Assert.Null);
        Assert.Equal("t1=a t2=b t3=c t4=d", await bench.RowsAsync());
        Assert.Equal("ok", await bench.TextAsync("PRAGMA integrity_check"));
        Assert.False(File.Exists(_folder.Download));
        Assert.Equal("0 0", await bench.TextAsync("SELECT (SELECT count(*) FROM tg_run) || ' ' || (SELECT count(*) FROM sqlite_master WHERE name LIKE 'tg_next%')"));
    }

    [Fact]
    public async Task What_comes_more_than_once_counts_as_its_newest()
    {
        var bench = await OpenAsync();

        await bench.ApplyAsync(
            Lines.Checkpoint(6, null, ("a", 16, 3), ("b", 5, 3)),
            Lines.Data("a", Put(1, "t1", "first"), Put(2, "t2", "gone"), Put(3, "t1", "second")),
            Lines.Data("b", Put(5, "t1", "other bucket")), Lines.Data("a", Lines.Remove(4, "todos", "t2", 4), Put(6, "t3", "c")), Lines.Complete(6));

        Assert.Equal("t1=other bucket t3=c", await bench.RowsAsync());
        Assert.Equal("9 7", await bench.SumsAsync("a"));
        Assert.Equal("2", await bench.TextAsync("SELECT count(*) FROM tg_op WHERE data IS NULL")); // stored once, with the row

        await bench.ApplyAsync(Lines.Diff(7, null, [], "b"), Lines.Complete(7));
        Assert.Equal("t1=second t3=c", await bench.RowsAsync());
    }

    [Fact]
    public async Task A_row_that_another_bucket_changes_for_a_while_comes_back()
    {
        var bench = await SyncedAsync();

        await bench.ApplyAsync(Lines.Diff(3, null, [("b", 3, 3)]), Lines.Data("b", Put(3, "t1", "newer")), Lines.Complete(3));
        Assert.Equal("t1=newer t2=b", await bench.RowsAsync());
        await bench.ApplyAsync(Lines.Diff(4, null, [], "b"), Lines.Complete(4));

        Assert.Equal("t1=a t2=b", await bench.RowsAsync());
    }

    [Theory]
    [InlineData("UPDATE todos SET title = 'mine' WHERE id = 't1'", "t1=mine t2=b")]
    [InlineData("DELETE FROM todos WHERE id = 't1'", "t2=b")]
    [InlineData("INSERT OR REPLACE INTO todos(id, title) VALUES('t1', 'mine')", "t1=mine t2=b")]
    public async Task A_local_write_that_is_refused_leaves_what_the_service_sent(string sql, string written)
    {
        var bench = await SyncedAsync();
        await bench.WriteAsync(sql);
        await bench.WriteAsync("UPDATE todos SET done = 1");
        Assert.Equal(written, await bench.RowsAsync());

        await AnsweredAsync(bench);
        await bench.ApplyAsync(Lines.Diff(3, null, []), Lines.Complete(3));

        Assert.Equal("t1=a t2=b", await bench.RowsAsync());
        Assert.Equal("2", await bench.TextAsync("SELECT count(*) FROM todos WHERE done IS NULL"));
    }

    [Fact]
    public async Task Local_writes_stay_visible_until_they_are_answered_and_then_everything_is_as_the_service_says()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(Lines.Checkpoint(3, null, ("a", 6, 3)), Lines.Data("a", Put(1, "t1", "a"), Put(2, "t2", "b"), Put(3, "t3", "c")));
        await bench.WriteAsync("INSERT INTO todos(id, title) VALUES('t1', 'mine')");
        await bench.WriteAsync("INSERT INTO todos(id, title) VALUES('t9', 'mine too')");

        await bench.ApplyAsync(Lines.Complete(3));
        await bench.WriteAsync("UPDATE todos SET title = title || '!'");
        Assert.Equal("t1=mine! t9=mine too!", await bench.RowsAsync());

        await bench.ConnectAsync();
        await bench.ApplyAsync(
            Lines.Checkpoint(6, null, ("a", 21, 3)),
            Lines.Data("a", Put(4, "t2", "changed"), Lines.Remove(5, "todos", "t3", 5), Put(6, "t4", "d")), Lines.Complete(6));
        Assert.Equal("t1=mine! t9=mine too!", await bench.RowsAsync());

        await AnsweredAsync(bench);
        await bench.ApplyAsync(Lines.Diff(7, null, []), Lines.Complete(7));
        Assert.Equal("t1=a t2=changed t4=d", await bench.RowsAsync());
    }

    [Fact]
    public async Task A_priority_is_shown_as_soon_as_it_is_complete()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(Lines.Checkpoint(3, null, ("first", 1, 1), ("second", 5, 3)), Lines.Data("first", Put(1, "t1", "a")), Lines.Partial(3, 1));
        Assert.Equal("t1=a", await bench.RowsAsync());

        await bench.ApplyAsync(Lines.Data("second", Put(2, "t2", "b"), Put(3, "t1", "newer")), Lines.Complete(3));
        Assert.Equal("t1=newer t2=b", await bench.RowsAsync());
    }

    [Fact]
    public async Task A_priority_is_shown_although_more_than_it_has_arrived()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(
            Lines.Checkpoint(2, null, ("first", 1, 1), ("second", 2, 3)),
            Lines.Data("second", Put(2, "t2", "b")), Lines.Data("first", Put(1, "t1", "a")), Lines.Partial(2, 1));
        Assert.Equal("t1=a", await bench.RowsAsync());

        await bench.ApplyAsync(Lines.Complete(2));
        Assert.Equal("t1=a t2=b", await bench.RowsAsync());
    }

    [Fact]
    public async Task A_priority_is_shown_beside_what_the_app_has_written()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(Lines.Checkpoint(2, null, ("first", 1, 0), ("second", 2, 3)), Lines.Data("first", Put(1, "t1", "a")));
        await bench.WriteAsync("INSERT INTO todos(id, title) VALUES('t9', 'mine')");

        await bench.ApplyAsync(Lines.Partial(2, 0));
        Assert.Equal("t1=a t9=mine", await bench.RowsAsync());

        await AnsweredAsync(bench);
        await bench.ApplyAsync(Lines.Data("second", Put(2, "t2", "b")), Lines.Complete(2));
        Assert.Equal("t1=a t2=b", await bench.RowsAsync());
    }

    [Fact]
    public async Task Indexes_and_rows_of_undeclared_types_come_along()
    {
        var schema = new LocalSchema(Todos.Table with { Indexes = [new LocalIndex("by_title", "title")] });
        var bench = await OpenAsync(schema);

        await bench.ApplyAsync(
            Lines.Checkpoint(2, null, ("a", 3, 3)), Lines.Data("a", Put(1, "t1", "a"), Lines.Put(2, "others", "o1", "{}", 2)), Lines.Complete(2));

        Assert.Contains("by_title", await bench.TextAsync("SELECT group_concat(name) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'tg_data__todos'"), StringComparison.Ordinal);
        Assert.Equal("t1", await bench.TextAsync("SELECT id FROM todos WHERE title = 'a'"));
        Assert.Equal("o1", await bench.TextAsync("SELECT id FROM tg_untyped"));
        Assert.Equal("ok", await bench.TextAsync("PRAGMA integrity_check"));

        await bench.ApplyAsync(Lines.Diff(3, null, [("a", 6, 3)]), Lines.Data("a", Lines.Remove(3, "others", "o1", 3)), Lines.Complete(3));
        Assert.Equal("0", await bench.TextAsync("SELECT count(*) FROM tg_untyped"));
    }

    [Fact]
    public async Task A_log_that_begins_with_a_clear_is_put_away_like_any_other()
    {
        var bench = await OpenAsync();

        await bench.ApplyAsync(Lines.Checkpoint(3, null, ("a", 6, 3)), Lines.Data("a", Lines.Clear(1, 1), Put(2, "t2", "b"), Put(3, "t3", "c")));
        Assert.Equal("1 0", await bench.TextAsync("SELECT (SELECT count(*) FROM tg_run) || ' ' || (SELECT count(*) FROM tg_op)"));
        await bench.ApplyAsync(Lines.Complete(3));

        Assert.Equal("t2=b t3=c", await bench.RowsAsync());
        Assert.Equal("5 1", await bench.SumsAsync("a"));
    }

    [Fact]
    public async Task Triggers_and_indexes_of_the_app_on_a_table_see_its_rows()
    {
        var bench = await OpenAsync();
        await bench.InWriteAsync(database =>
        {
            database.RunScript(
                """
                CREATE TABLE found(id TEXT);
                CREATE TRIGGER find AFTER INSERT ON tg_data__todos BEGIN INSERT INTO found VALUES(NEW.id); END;
                CREATE INDEX by_data ON tg_data__todos(data);
                """);
            return true;
        });

        await bench.ApplyAsync(Lines.Checkpoint(2, null, ("a", 3, 3)), Lines.Data("a", Put(1, "t1", "a"), Put(2, "t2", "b")), Lines.Complete(2));

        Assert.Equal("t1,t2", await bench.TextAsync("SELECT group_concat(id) FROM (SELECT id FROM found ORDER BY id)"));
        Assert.Equal("t1=a t2=b", await bench.RowsAsync());
        Assert.Equal("ok", await bench.TextAsync("PRAGMA integrity_check"));
    }

    [Fact]
    public async Task A_SQLite_that_lets_nobody_edit_its_list_of_tables_shows_it_too()
    {
        const int defensive = 1010; // SQLITE_DBCONFIG_DEFENSIVE
        var bench = await OpenAsync(new LocalSchema(Todos.Table with { Indexes = [new LocalIndex("by_title", "title")] }));
        Assert.Equal(raw.SQLITE_OK, await bench.InWriteAsync(database => raw.sqlite3_db_config(database.Handle, defensive, 1, out _)));

        await bench.ApplyAsync(Lines.Checkpoint(2, null, ("a", 3, 3)), Lines.Data("a", Put(1, "t1", "a"), Put(2, "t2", "b")), Lines.Complete(2));

        Assert.Equal("t1=a t2=b", await bench.RowsAsync());
        Assert.Equal("t1", await bench.TextAsync("SELECT id FROM todos WHERE title = 'a'"));
        Assert.Equal("ok", await bench.TextAsync("PRAGMA integrity_check"));
    }

    [Fact]
    public async Task Another_schema_before_anything_was_shown_begins_it_again()
    {
        var bench = await OpenAsync();
        await bench.WriteAsync("INSERT INTO todos(id, title) VALUES('t9', 'mine')");
        await bench.ApplyAsync(Lines.Checkpoint(1, null, ("a", 1, 3)), Lines.Data("a", Put(1, "t1", "a")), Lines.Complete(1));
        Assert.Equal("a@1", await bench.ConnectAsync());
        await bench.DisposeAsync();

        bench = await OpenAsync(new LocalSchema(Todos.Table, new LocalTable("others", LocalColumn.Text("name"))));
        Assert.Equal("", await bench.ConnectAsync());
        await AnsweredAsync(bench);
        await bench.ApplyAsync(Lines.Checkpoint(1, null, ("a", 1, 3)), Lines.Data("a", Put(1, "t1", "a")), Lines.Complete(1));

        Assert.Equal("t1=a", await bench.RowsAsync());
    }

    [Fact]
    public async Task A_clear_in_the_middle_forgets_it()
    {
        var bench = await OpenAsync();
        await bench.WriteAsync("INSERT INTO todos(id, title) VALUES('t9', 'mine')");
        await bench.ApplyAsync(Lines.Checkpoint(1, null, ("a", 1, 3)), Lines.Data("a", Put(1, "t1", "a")), Lines.Complete(1));

        await bench.InWriteAsync(database => LocalReset.Run(database, Todos.Schema, discardPendingWrites: true, keepLocal: false));
        Assert.Equal("", await bench.ConnectAsync());
        await bench.ApplyAsync(Lines.Checkpoint(2, null, ("a", 2, 3)), Lines.Data("a", Put(2, "t2", "b")), Lines.Complete(2));

        Assert.Equal("t2=b", await bench.RowsAsync());
    }

    [Fact]
    public async Task A_file_of_the_layout_before_goes_on_where_it_was()
    {
        var bench = await SyncedAsync();
        await bench.ApplyAsync(Lines.Diff(3, null, [("a", 6, 3)]), Lines.Data("a", Put(3, "t1", "newer")));
        await bench.InWriteAsync(database =>
        {
            database.RunScript(ToVersion3);
            database.RunScript(
                """
                UPDATE tg_op SET data = (SELECT data FROM tg_data__todos WHERE id = row_id) WHERE data IS NULL;
                DROP TABLE tg_new; DROP TABLE tg_run; DROP INDEX tg_op_bucket; CREATE INDEX tg_op_new ON tg_op(bucket, op_id);
                UPDATE tg_migration SET id = 1; DELETE FROM tg_meta WHERE key = 'schema_hash';
                """);
            return true;
        });
        await bench.DisposeAsync();

        bench = await OpenAsync();
        await bench.ApplyAsync(Lines.Checkpoint(3, null, ("a", 6, 3)), Lines.Complete(3));

        Assert.Equal("t1=newer t2=b", await bench.RowsAsync());
        Assert.Equal("4", await bench.TextAsync("SELECT max(id) FROM tg_migration"));
    }

    [Fact]
    public async Task A_file_of_the_layout_with_batches_inside_begins_a_first_download_again()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(Lines.Checkpoint(1, null, ("a", 1, 3)), Lines.Data("a", Put(1, "t1", "a")));
        await bench.InWriteAsync(database =>
        {
            database.RunScript(ToVersion3);
            database.RunScript("DROP TABLE tg_run; CREATE TABLE tg_run(id INTEGER PRIMARY KEY, ops BLOB NOT NULL); UPDATE tg_migration SET id = 2;");
            return true;
        });
        await bench.DisposeAsync();

        bench = await OpenAsync();
        Assert.Equal("", await bench.ConnectAsync());
        await bench.ApplyAsync(Lines.Checkpoint(1, null, ("a", 1, 3)), Lines.Data("a", Put(1, "t1", "a")), Lines.Complete(1));

        Assert.Equal("t1=a", await bench.RowsAsync());
    }

    [Fact]
    public async Task A_file_of_the_layout_without_native_tables_goes_on_in_the_middle_of_a_first_download()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(Lines.Checkpoint(1, null, ("a", 1, 3)), Lines.Data("a", Put(1, "t1", "a")));
        await bench.InWriteAsync(database =>
        {
            database.RunScript(ToVersion3 + "UPDATE tg_migration SET id = 3;");
            return true;
        });
        await bench.DisposeAsync();

        bench = await OpenAsync(Todos.NativeSchema);
        Assert.Equal("a@1", await bench.ConnectAsync());
        await bench.ApplyAsync(Lines.Checkpoint(1, null, ("a", 1, 3)), Lines.Complete(1));

        Assert.Equal("t1=a", await bench.RowsAsync());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(10)]
    [InlineData(60)]
    public async Task Batches_that_are_damaged_or_gone_are_downloaded_again(int from)
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(Lines.Checkpoint(2, null, ("a", 3, 3)), Lines.Data("a", Put(1, "t1", "a")), Lines.Data("a", Put(2, "t2", "b")));
        using (var file = File.OpenHandle(_folder.Download, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
        {
            if (from == 0)
                RandomAccess.SetLength(file, 0);
            else
                RandomAccess.Write(file, [(byte)~ReadByte(file, from)], from);
        }

        var lost = await Assert.ThrowsAsync<BucketsException>(() => bench.ApplyAsync(Lines.Complete(2)));
        Assert.Equal("TGB6013", lost.Code);
        Assert.Equal("", await bench.RowsAsync());

        Assert.Equal("", await bench.ConnectAsync());
        await bench.ApplyAsync(Lines.Checkpoint(2, null, ("a", 3, 3)), Lines.Data("a", Put(1, "t1", "a"), Put(2, "t2", "b")), Lines.Complete(2));
        Assert.Equal("t1=a t2=b", await bench.RowsAsync());
        Assert.False(File.Exists(_folder.Download));
    }

    [Fact]
    public async Task Nothing_lies_beside_the_database_in_plain_text()
    {
        var bench = await OpenAsync();

        await bench.ApplyAsync(Lines.Checkpoint(1, null, ("a", 1, 3)), Lines.Data("a", Put(1, "t1", "a secret")));

        var bytes = await File.ReadAllBytesAsync(_folder.Download, TestContext.Current.CancellationToken);
        Assert.NotEmpty(bytes);
        Assert.Equal(-1, bytes.AsSpan().IndexOf("secret"u8));
    }

    private static byte ReadByte(SafeFileHandle file, long at)
    {
        Span<byte> one = stackalloc byte[1];
        Assert.Equal(1, RandomAccess.Read(file, one, at));
        return one[0];
    }

    private static string Put(long id, string row, string title) => Lines.Put(id, "todos", row, $$"""{"id":"{{row}}","title":"{{title}}"}""", (uint)id);

    /// <summary>What the uploader does in the end: the queue is empty, and the next checkpoint knows of all that was in it.</summary>
    private static Task AnsweredAsync(ApplierBench bench) => bench.InWriteAsync(database =>
    {
        database.Run("DELETE FROM tg_crud");
        database.Run("UPDATE tg_meta SET value = NULL WHERE key = 'gate_target'");
        return true;
    });

    private async Task<ApplierBench> OpenAsync(LocalSchema? schema = null) => _bench = await ApplierBench.OpenAsync(_folder.Database, schema, ApplierBench.Bulk);

    private async Task<ApplierBench> SyncedAsync()
    {
        var bench = await OpenAsync();
        await bench.ApplyAsync(Lines.Checkpoint(2, null, ("a", 3, 3)), Lines.Data("a", Put(1, "t1", "a"), Put(2, "t2", "b")), Lines.Complete(2));
        return bench;
    }

    public async ValueTask DisposeAsync()
    {
        if (_bench is not null)
            await _bench.DisposeAsync();
        _folder.Dispose();
    }
}
