using System.Globalization;
using System.Text.RegularExpressions;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>A transaction that is larger than the service's heap may become: it takes its time, and clients see all of it or nothing.</summary>
public class LargeTransaction
{
    private const int Rows = 200_000; // with their operations and states about 200 MB at once
    private const long SomeOfIt = 8 << 20; // of the store's log
    private const string NobodysList = "a0000000-0000-4000-8000-00000000ffff";

    // The heap of a process of 384 MiB.
    private static readonly (string Name, string Value) HeapLimit = ("DOTNET_GCHeapHardLimit", "0x10000000");

    [Fact]
    public async Task It_is_seen_as_a_whole_by_a_service_whose_heap_is_smaller()
    {
        await using var demo = await DemoService.StartAsync(HeapLimit);
        var torn = new TornViews();
        await using var ann = torn.Connect(demo);
        await ann.WaitForAsync("todos", "title", "Milk");

        await WriteAsync(demo, number: 1);

        var view = await ann.WaitForAsync("todos", "title", "end 1");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        await WriteAsync(demo, number: 2, "UPDATE todos SET title = 'changed ' || title WHERE list_id = $1");
        await ann.WaitForAsync("todos", "title", "end 2");
        Assert.Empty(torn.Seen);
        Assert.Empty(ann.Violations);
        Assert.Contains("it is stored in parts from change 0 on", demo.Process.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Killed_in_the_middle_the_service_goes_on_there_and_shows_nothing_of_it_before_its_end()
    {
        await using var demo = await DemoService.StartAsync(HeapLimit);
        var torn = new TornViews();
        await using var ann = torn.Connect(demo);
        await ann.WaitForAsync("todos", "title", "Milk");

        var number = 0;
        for (var isResumed = false; !isResumed; isResumed = Regex.IsMatch(demo.Process.Log, "in parts from change [1-9]"))
        {
            Assert.True(number < 5, "No transaction was caught in its middle.");
            await WriteAsync(demo, ++number);
            await demo.Process.WaitForLogAsync("is stored in parts from");
            var before = LogBytes(demo);
            while (LogBytes(demo) < before + SomeOfIt && !HasEnded(demo, number))
                await Task.Delay(5, TestContext.Current.CancellationToken);
            await demo.Process.KillAsync();
            await demo.Process.StartAsync();
            await using var fresh = torn.Connect(demo);
            await fresh.WaitForAsync("todos", "title", "Milk"); // what was visible is served while the rest is awaited
            await ann.WaitForAsync("todos", "title", $"end {number}");
        }

        var view = await ann.WaitForAsync("todos", "title", $"end {number}");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Empty(torn.Seen);
        Assert.Empty(ann.Violations);
        Assert.Equal(0, ann.DroppedBuckets);
    }

    private static bool HasEnded(DemoService demo, int number) => Regex.Count(demo.Process.Log, "is there with all of its") >= number;

    private static long LogBytes(DemoService demo) =>
        new DirectoryInfo(demo.Process.StorePath).EnumerateFiles("*.log").Sum(file => file.Length);

    /// <summary>Rows of a list that nobody has, between two that everybody has.</summary>
    private static Task WriteAsync(DemoService demo, int number, string? sql = null) => demo.Database.ExecuteAsync(string.Create(
        CultureInfo.InvariantCulture,
        $"""
        BEGIN;
        INSERT INTO lists (id, name, owner_id) VALUES ('{NobodysList}', 'nobody', 'nobody') ON CONFLICT DO NOTHING;
        INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{DemoService.SharedList}', 'begin {number}', 'ann');
        {sql?.Replace("$1", $"'{NobodysList}'", StringComparison.Ordinal) ?? $"""
        INSERT INTO todos (id, list_id, title, created_by)
        SELECT gen_random_uuid(), '{NobodysList}', n || repeat(md5(n::text), 4), 'load' FROM generate_series(1, {Rows}) n
        """};
        INSERT INTO todos (id, list_id, title, created_by) VALUES (gen_random_uuid(), '{DemoService.SharedList}', 'end {number}', 'ann');
        COMMIT
        """));

    /// <summary>Looks at every checkpoint of some clients for a transaction that is there by half.</summary>
    private sealed class TornViews
    {
        private readonly Lock _gate = new();
        private readonly List<string> _seen = [];

        public IReadOnlyList<string> Seen
        {
            get
            {
                lock (_gate)
                    return [.. _seen];
            }
        }

        public ProtocolClient Connect(DemoService demo) => new ProtocolClient(demo.Process.Url, "ann") { Completed = Look }.Start();

        private void Look(ClientView view)
        {
            var titles = view.Rows.Where(row => row.Type == "todos").Select(row => $"{row["title"]}").ToList();
            lock (_gate)
                _seen.AddRange(titles.Where(title => title.StartsWith("begin", StringComparison.Ordinal) && !titles.Contains($"end{title[5..]}")));
        }
    }
}
