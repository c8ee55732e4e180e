using System.Buffers;
using System.Text;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Streams;
using TopGun.Buckets.Client.Sync;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>A checkpoint applier on a real file, fed with lines, in one thread.</summary>
internal sealed class ApplierBench : IAsyncDisposable
{
    private readonly LocalDatabase _local;
    private readonly CheckpointApplier _applier;

    /// <summary>A first download of anything goes the way of a large one, in the smallest steps.</summary>
    public static readonly BulkLimits Bulk = new(From: 0, StepBytes: 1, PartBytes: 1);

    private ApplierBench(LocalDatabase local, LocalSchema schema, BulkLimits? bulk)
    {
        _local = local;
        _applier = new CheckpointApplier(local, schema, new StreamBook(includeDefaults: true), bulk ?? BulkLimits.Default);
    }

    public LocalDatabase Local => _local;

    public CheckpointApplier Applier => _applier;

    public static async Task<ApplierBench> OpenAsync(string path, LocalSchema? schema = null, BulkLimits? bulk = null)
    {
        schema ??= Todos.Schema;
        var local = await LocalDatabase.OpenAsync(path, schema, new InlineExecution(), new ManualTime(), () => "client", readers: 1);
        var bench = new ApplierBench(local, schema, bulk);
        await bench.ConnectAsync();
        return bench;
    }

    /// <summary>A new stream: what was announced is forgotten, what was received stays.</summary>
    /// <returns>Positions, as <c>bucket@after</c>.</returns>
    public async Task<string> ConnectAsync() =>
        string.Join(' ', (await _applier.BeginAsync(ClientCalls.Now)).Positions.Select(position => $"{position.Bucket}@{position.After}").Order());

    public async Task<ApplyResult> ApplyAsync(params string[] lines)
    {
        var batch = new LineBatch();
        foreach (var line in lines)
            batch.Add(new ReadOnlySequence<byte>(Encoding.UTF8.GetBytes(line)));
        return await _applier.ApplyAsync(batch, ClientCalls.Now);
    }

    public Task<string?> TextAsync(string sql) => _local.ReadAsync(database => database.Prepare(sql).RunText(), ClientCalls.Now);

    public Task<string?> RowsAsync() =>
        TextAsync("SELECT coalesce(group_concat(id || '=' || coalesce(title, ''), ' '), '') FROM (SELECT * FROM todos ORDER BY id)");

    public Task<string?> SumsAsync(string bucket) =>
        TextAsync($"SELECT sum_live || ' ' || sum_gone FROM tg_bucket WHERE name = '{bucket}'");

    /// <summary>A local write, as an app does it.</summary>
    public Task WriteAsync(string sql) => _local.OnWriterAsync(database =>
    {
        _local.BeginLocalWrite(database);
        database.Run(sql);
        _local.CommitLocalWrite(database);
        return true;
    });

    public Task<T> InWriteAsync<T>(Func<Database, T> work) => _local.WriteAsync(Lane.App, work, TestContext.Current.CancellationToken);

    public ValueTask DisposeAsync() => _local.DisposeAsync();
}
