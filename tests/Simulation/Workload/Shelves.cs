using System.Globalization;
using TopGun.Buckets.Client;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Source;

namespace TopGun.Buckets.Tests.Simulation.Workload;

/// <summary>Sizes: transactions of one row and of many, rows of a byte and of many, users with one bucket and with many.</summary>
internal sealed class Shelves : Workload
{
    private const int MostRows = 400;
    private const int LargestRow = 64 << 10;

    private static readonly SimTable Items = new(
        16_430, "items", ReplicaIdentity.Default, SimTable.Key("id"), SimTable.Text("shelf_id"), SimTable.Text("body"));

    private static readonly SimTable Holders = new(16_431, "holders", ReplicaIdentity.Default, SimTable.Key("shelf_id"), SimTable.Key("user_id"));

    private readonly int _largest;
    private readonly int _shelves;

    public Shelves(SimRandom random)
    {
        _largest = LogBetween(random, 2, MostRows);
        _shelves = LogBetween(random, 1, 100);
    }

    public override int Weight => 1;

    public override IReadOnlyList<SimTable> Tables => [Items, Holders];

    public override string Definitions => """
          by_shelf:
            parameters: SELECT shelf_id FROM holders WHERE user_id = request.user_id()
            data:
              - SELECT id, shelf_id, body FROM items WHERE shelf_id = bucket.shelf_id
        """;

    public override IReadOnlyList<LocalTable> LocalTables { get; } = [new LocalTable(Items.Name, LocalColumn.Text("shelf_id"), LocalColumn.Text("body"))];

    public override void Change(SimTransaction transaction, Author author)
    {
        var random = author.Random;
        var rows = transaction.State.Rows(Items.Name);
        switch (random.Below(10))
        {
            case < 3:
                for (var count = LogBetween(random, 1, Math.Min(_largest, _shelves)); count > 0; count--)
                    Take(transaction, AnyShelf(random), author.AnyUser());
                break;
            case < 4:
                foreach (var key in transaction.State.Rows(Holders.Name).Keys.Take(LogBetween(random, 1, _largest)))
                    transaction.Delete(Holders, key);
                break;
            case < 6 when rows.Count > 0:
                // Many rows move to another bucket, with what is long in them unchanged.
                var shelf = AnyShelf(random);
                foreach (var key in rows.Keys.Skip(random.Below(rows.Count)).Take(LogBetween(random, 1, _largest)))
                    transaction.Update(Items, key, row => row.With(1, shelf));
                break;
            case < 8 when rows.Count > MostRows / 4:
                foreach (var key in rows.Keys.Skip(random.Below(rows.Count / 2)).Take(LogBetween(random, 1, rows.Count)))
                    transaction.Delete(Items, key);
                break;
            default:
                for (var count = Math.Min(LogBetween(random, 1, _largest), MostRows - rows.Count); count > 0; count--)
                    Put(transaction, author);
                break;
        }
    }

    public override void AddVisible(string user, SourceState state, SortedSet<string> rows)
    {
        var shelves = new HashSet<string>(
            state.Rows(Holders.Name).Values.Where(holder => holder[1] == user).Select(holder => holder[0]!), StringComparer.Ordinal);
        foreach (var item in state.Rows(Items.Name).Values.Where(item => shelves.Contains(item[1]!)))
            rows.Add(NaiveModel.Describe(Items.Name, item.Values));
    }

    public override bool? MaySee(string bucket, string parameter, string user, SourceState state) =>
        bucket.Contains("shelf[", StringComparison.Ordinal) ? state.Rows(Holders.Name).ContainsKey(SimTable.KeyOf([parameter, user])) : null;

    private void Put(SimTransaction transaction, Author author)
    {
        var id = author.NewId("i");
        if (transaction.State.Rows(Items.Name).ContainsKey(id))
            return;
        // A large row among many would be as much as a seed may cost.
        var length = author.Random.Chance(0.02) ? LogBetween(author.Random, 1, LargestRow) : LogBetween(author.Random, 1, 100);
        transaction.Insert(Items, SimRow.Of(id, AnyShelf(author.Random), author.LongText(length)));
    }

    private static void Take(SimTransaction transaction, string shelf, string user)
    {
        if (!transaction.State.Rows(Holders.Name).ContainsKey(SimTable.KeyOf([shelf, user])))
            transaction.Insert(Holders, SimRow.Of(shelf, user));
    }

    private string AnyShelf(SimRandom random) => string.Create(CultureInfo.InvariantCulture, $"shelf-{random.Below(_shelves)}");

    private static int LogBetween(SimRandom random, int low, int high) =>
        (int)(low * Math.Pow((double)Math.Max(low, high) / low, random.NextDouble()));
}
