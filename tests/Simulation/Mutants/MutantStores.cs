using System.Buffers;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Tests.Simulation;

/// <summary>What stores are made to do wrong.</summary>
internal static class MutantStores
{
    private const ulong Forgotten = 5;

    /// <summary>Forgets the newest op ids that it was told of.</summary>
    public static object? ReuseOpIds(string method, object?[] arguments, Func<object?> call) => method == nameof(IColdStorage.GetAsync)
        ? ForgetAsync((RecordQuery)arguments[0]!, (ValueTask)call()!)
        : call();

    /// <summary>Answers each write when the next one comes.</summary>
    public static Seam<IColdStorage>.Around DurableTooEarly()
    {
        var before = Task.CompletedTask;
        return (method, _, call) =>
        {
            return method == nameof(IColdStorage.WriteAsync) ? WriteAsync() : call();

            async ValueTask WriteAsync()
            {
                await before;
                before = ((ValueTask)call()!).AsTask();
            }
        };
    }

    /// <summary>Finds nothing of a kind when everything is read.</summary>
    public static Seam<IColdStorage>.Around Forget(RecordTable table) => (method, arguments, call) =>
        method == nameof(IColdStorage.ScanAsync) && (RecordTable)arguments[0]! == table ? NothingAsync() : call();

    /// <summary>Changes the ranges that are replaced.</summary>
    public static Seam<IColdStorage>.Around Rewriting(Func<BucketRewrite, BucketRewrite> change) => (method, arguments, call) =>
    {
        if (method == nameof(IColdStorage.WriteAsync))
        {
            var rewrites = ((StoreWrite)arguments[0]!).Rewrites;
            for (var index = 0; index < rewrites.Count; index++)
                rewrites[index] = change(rewrites[index]);
        }
        return call();
    };

    private static async ValueTask ForgetAsync(RecordQuery query, ValueTask reading)
    {
        await reading;
        for (var index = 0; index < query.Count; index++)
        {
            if (query.Table(index) == RecordTable.Meta
                && query.Key(index).Span.SequenceEqual(MetaKey.Position)
                && query.TryGetValue(index, out var value))
                query.SetValue(index, Forget(LogPosition.Read(value.Span)));
        }
    }

    private static ReadOnlySpan<byte> Forget(LogPosition position)
    {
        var output = new ArrayBufferWriter<byte>(64);
        (position with { LastOpId = new OpId(position.LastOpId.Value - Math.Min(Forgotten, position.LastOpId.Value)) }).Write(output);
        return output.WrittenSpan;
    }

    private static async IAsyncEnumerable<StoredRecord> NothingAsync()
    {
        await Task.CompletedTask;
        yield break;
    }
}
