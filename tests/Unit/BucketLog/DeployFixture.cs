using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

/// <summary>A log with compiled rules and deployments in the test's hands: work is done when the test says so.</summary>
internal sealed class DeployFixture : IAsyncDisposable
{
    private DeployFixture(IColdStorage storage, BucketLogWriter log, RecordingSubscriber seen)
    {
        Storage = storage;
        Log = log;
        Seen = seen;
    }

    public IColdStorage Storage { get; }

    public BucketLogWriter Log { get; }

    public RecordingSubscriber Seen { get; }

    public LogStart Start { get; private set; } = new(null, Lsn.None);

    /// <summary>Opens the log and takes a new store past an empty snapshot.</summary>
    /// <param name="storage">The store.</param>
    /// <param name="rules">The rules file.</param>
    /// <param name="buildRows">Rows that one step gives to what is new.</param>
    /// <param name="publish">When operations are shown.</param>
    /// <param name="sourceEnd">Where the source is when the log opens; it does not say when this is null.</param>
    public static async Task<DeployFixture> OpenAsync(
        IColdStorage storage, string rules, int buildRows = 3, PublishMode publish = PublishMode.Memory, Lsn? sourceEnd = null)
    {
        var seen = new RecordingSubscriber();
        var logRules = await LogRules.OpenAsync(storage, rules, Compile, DateTimeOffset.UnixEpoch, TestContext.Current.CancellationToken);
        var log = new BucketLogWriter(
            storage, logRules, seen, new LogSource(_ => { })
            {
                AskPosition = async cancellationToken =>
                {
                    if (sourceEnd is null)
                        await Task.Delay(Timeout.InfiniteTimeSpan, cancellationToken);
                    return sourceEnd!.Value;
                },
            },
            new BucketLogOptions { GroupCommitDelay = TimeSpan.Zero, BuildRows = buildRows, RetireDelay = TimeSpan.Zero, Publish = publish, CompactAfterOps = 0 },
            new BucketLogEnvironment(TimeProvider.System, new Random(7), NullLogger<BucketLogWriter>.Instance));
        var fixture = new DeployFixture(storage, log, seen) { Start = await log.OpenAsync(TestContext.Current.CancellationToken) };
        if (fixture.Start.IsEmpty)
        {
            var epoch = 1 + (fixture.Start.State?.Epoch ?? 0);
            await fixture.AppendAsync(new SnapshotStarted(LogFixture.State(done: false) with { Epoch = epoch }, "new"));
            await fixture.AppendAsync(new SnapshotEnded(LogFixture.State(done: true) with { Epoch = epoch }));
        }
        return fixture;
    }

    public static RuleSet? Compile(string text, IReadOnlyDictionary<string, int> versions, IReadOnlyDictionary<string, int> indexVersions) =>
        RuleSet.Parse(text, new RuleSetOptions { Versions = versions, IndexVersions = indexVersions }).Rules;

    public async Task AppendAsync(SourceEvent sourceEvent) => await Log.AppendAsync(sourceEvent, TestContext.Current.CancellationToken);

    /// <summary>Takes in those transactions that are not stored yet, as a source does.</summary>
    public async Task AppendAsync(IEnumerable<TransactionCommitted> transactions)
    {
        foreach (var transaction in transactions)
            await AppendAsync(transaction);
    }

    /// <summary>Wishes for other rules and does the first step, which makes the wish durable.</summary>
    public async Task<DeployOutcome> BeginAsync(string rules)
    {
        var outcome = Log.DeployAsync(new DeployRequest(rules, IsFile: false, Lsn.None));
        await StepAsync();
        return await outcome.WaitAsync(Patience.Limit, TestContext.Current.CancellationToken);
    }

    /// <summary>Does one piece of a deployment's work; false when there is none.</summary>
    public async Task<bool> StepAsync()
    {
        if (Log.WorkDelay != TimeSpan.Zero)
            return false;
        await Log.WorkAsync(TestContext.Current.CancellationToken);
        return true;
    }

    public async Task FinishAsync()
    {
        while (await StepAsync())
        {
        }
    }

    public async Task FlushAsync() => await Log.FlushAsync(TestContext.Current.CancellationToken);

    /// <summary>The process dies: what is not durable is gone.</summary>
    public async Task CrashAsync() => await Log.AbandonAsync();

    /// <summary>Operations of a bucket without what depends on which tables were seen first: their ids and subkeys.</summary>
    public async Task<List<string>> OpsAsync(string bucket)
    {
        List<string> ops = [];
        await foreach (var op in Storage.ReadAsync(bucket, OpId.None, new OpId(long.MaxValue), TestContext.Current.CancellationToken))
            ops.Add(Regex.Replace(Encoding.UTF8.GetString(op.Fragment.Span), "\"subkey\":\"[^\"]*\"|,\"checksum\":[0-9]*}", ""));
        return ops;
    }

    /// <summary>Rows of every bucket that the rules in force can name, by bucket without its version.</summary>
    public async Task<SortedDictionary<string, SortedDictionary<string, string>>> RowsAsync()
    {
        var versions = LiveVersions();
        var rows = new SortedDictionary<string, SortedDictionary<string, string>>(StringComparer.Ordinal);
        await foreach (var record in Storage.ScanAsync(RecordTable.Bucket, default, TestContext.Current.CancellationToken))
        {
            var name = Encoding.UTF8.GetString(record.Key.Span);
            if (!versions.Contains(name[..name.IndexOf('#')]))
                continue;
            var (held, sum) = await ReduceAsync(name);
            Assert.Equal(sum, Log.Directory.Find(name).Checksum);
            if (held.Count > 0)
                rows.Add(name[(name.IndexOf('#') + 1)..], held);
        }
        return rows;
    }

    /// <summary>Names of the buckets that the store has.</summary>
    public async Task<List<string>> BucketsAsync()
    {
        List<string> names = [];
        await foreach (var record in Storage.ScanAsync(RecordTable.Bucket, default, TestContext.Current.CancellationToken))
            names.Add(Encoding.UTF8.GetString(record.Key.Span));
        return names;
    }

    /// <summary>Entries of the parameter index that the rules in force can name, without versions and numbers of tables.</summary>
    public async Task<List<string>> LookupsAsync()
    {
        List<string> entries = [];
        await foreach (var record in Storage.ScanAsync(RecordTable.Lookup, default, TestContext.Current.CancellationToken))
        {
            var lookup = LookupRecord.Read(record);
            var mark = lookup.Key.IndexOf('#');
            if (LiveVersions().Contains(lookup.Key[..mark]))
                entries.Add($"{lookup.Key[(mark + 1)..]} {lookup.Entry[(lookup.Entry.IndexOf('/') + 1)..]} {Encoding.UTF8.GetString(lookup.Record.Span)}");
        }
        entries.Sort(StringComparer.Ordinal);
        return entries;
    }

    private async Task<(SortedDictionary<string, string> Rows, uint Checksum)> ReduceAsync(string bucket)
    {
        var rows = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var sum = 0u;
        await foreach (var op in Storage.ReadAsync(bucket, OpId.None, new OpId(long.MaxValue), TestContext.Current.CancellationToken))
        {
            if (op.Kind == OpKind.Clear)
            {
                rows.Clear();
                sum = op.Checksum;
                continue;
            }
            using var fragment = JsonDocument.Parse($"{{{Encoding.UTF8.GetString(op.Fragment.Span)}");
            var row = $"{fragment.RootElement.GetProperty("object_type")} {fragment.RootElement.GetProperty("object_id")}";
            if (op.Kind == OpKind.Put)
                rows[row] = fragment.RootElement.GetProperty("data").GetString()!;
            else
                rows.Remove(row);
            sum = unchecked(sum + op.Checksum);
        }
        return (rows, sum);
    }

    private HashSet<string> LiveVersions() =>
        [.. Log.Rules.Versions.Select(version => version.ToString(System.Globalization.CultureInfo.InvariantCulture))];

    public ValueTask DisposeAsync() => Log.DisposeAsync();
}
