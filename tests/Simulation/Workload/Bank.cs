using System.Globalization;
using TopGun.Buckets.Client;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Source;

namespace TopGun.Buckets.Tests.Simulation.Workload;

/// <summary>
/// Money moves between accounts and vaults, which are in several tables and buckets. Nobody ever sees more or less of it than there is (C-ATOM):
/// each transaction shows whole or not at all.
/// </summary>
internal sealed class Bank : Workload
{
    private const int Total = (6 * 100) + (2 * 1000);
    private const int MostAccounts = 10;
    private const int MostTransfers = 10;

    private static readonly string[] Branches = ["north", "south", "west"];

    private static readonly SimTable Accounts = new(
        16_420, "accounts", ReplicaIdentity.Default, SimTable.Key("id"), SimTable.Text("branch"), SimTable.Int("balance"));

    private static readonly SimTable Vaults = new(16_421, "vaults", ReplicaIdentity.Full, SimTable.Key("id"), SimTable.Int("balance"));

    /// <summary>What devices ask for; whoever takes an upload in moves the money.</summary>
    private static readonly SimTable Transfers = new(
        16_422, "transfers", ReplicaIdentity.Default, SimTable.Key("id"), SimTable.Text("payer"), SimTable.Text("payee"), SimTable.Int("amount"));

    public override int Weight => 2;

    public override IReadOnlyList<SimTable> Tables => [Accounts, Vaults, Transfers];

    public override string Definitions => """
          north:
            data:
              - SELECT id, branch, balance FROM accounts WHERE branch = 'north'
          south:
            data:
              - SELECT id, branch, balance FROM accounts WHERE branch = 'south'
          west:
            data:
              - SELECT id, branch, balance FROM accounts WHERE branch = 'west'
          safe:
            data:
              - SELECT id, balance FROM vaults
              - SELECT id, payer, payee, amount FROM transfers
        """;

    public override IReadOnlyList<LocalTable> LocalTables { get; } =
    [
        new LocalTable("accounts", LocalColumn.Text("branch"), LocalColumn.Integer("balance")),
        new LocalTable("transfers", LocalColumn.Text("payer"), LocalColumn.Text("payee"), LocalColumn.Integer("amount")),
        new LocalTable("vaults", LocalColumn.Integer("balance")),
    ];

    public override void Seed(SimTransaction transaction)
    {
        for (var number = 0; number < 6; number++)
            transaction.Insert(Accounts, SimRow.Of(string.Create(CultureInfo.InvariantCulture, $"a{number}"), Branches[number % 3], "100"));
        transaction.Insert(Vaults, SimRow.Of("v0", "1000"));
        transaction.Insert(Vaults, SimRow.Of("v1", "1000"));
    }

    public override void Change(SimTransaction transaction, Author author)
    {
        var random = author.Random;
        if (Holders(transaction.State) is not { Count: > 2 } holders)
            return;
        var (payer, payee) = (random.Pick(holders), random.Pick(holders));
        switch (random.Below(10))
        {
            case 0 when holders.Count < MostAccounts:
                var opened = author.NewId("a");
                transaction.Insert(Accounts, SimRow.Of(opened, random.Pick(Branches), "0"));
                Move(transaction, payer, opened, random.Between(1, 50));
                break;
            case 1 when payer[0] == 'a' && payee != payer:
                Move(transaction, payer, payee, Balance(transaction.State, payer)!.Value);
                transaction.Delete(Accounts, payer);
                break;
            case 2 or 3 when payer[0] == 'a':
                transaction.Update(Accounts, payer, row => row.With(1, random.Pick(Branches)));
                break;
            case 4 when transaction.State.Rows(Transfers.Name).Count > MostTransfers:
                author.Delete(transaction, Transfers);
                break;
            default:
                Move(transaction, payer, payee, random.Between(1, 50));
                break;
        }
    }

    public override async Task<int> ChangeLocallyAsync(WriteTransaction transaction, SimRandom random, string device)
    {
        var holders = await transaction.QueryAsync<string>("SELECT id FROM accounts UNION SELECT id FROM vaults ORDER BY id");
        return holders.Count == 0
            ? 0
            : await transaction.ExecuteAsync(
                "INSERT INTO transfers(id, payer, payee, amount) VALUES(?, ?, ?, ?)",
                [$"{device}-{random.NextUInt64():x}", random.Pick(holders), random.Pick(holders), random.Between(1, 50)]);
    }

    public override bool Upload(SimTransaction transaction, CrudEntry entry)
    {
        if (entry.Table != Transfers.Name)
            return false;
        var (payer, payee) = (entry.Data!.Value.GetProperty("payer").GetString()!, entry.Data.Value.GetProperty("payee").GetString()!);
        var amount = entry.Data.Value.GetProperty("amount").GetInt32();
        transaction.Insert(Transfers, SimRow.Of(entry.Id, payer, payee, amount.ToString(CultureInfo.InvariantCulture)));
        Move(transaction, payer, payee, amount);
        return true;
    }

    public override void AddVisible(string user, SourceState state, SortedSet<string> rows)
    {
        foreach (var table in Tables)
        {
            foreach (var row in state.Rows(table.Name).Values)
                rows.Add(NaiveModel.Describe(table.Name, row.Values));
        }
    }

    public override Func<(string Checker, string Problem)?> Watch(Database database, string device)
    {
        var reading = database.Keep("SELECT (SELECT total(balance) FROM accounts), (SELECT total(balance) FROM vaults), (SELECT count(*) FROM vaults)");
        return () =>
        {
            reading.Step();
            var (inAccounts, inVaults, isEmpty) = (reading.Int64(0), reading.Int64(1), reading.Int64(2) == 0);
            reading.Reset();
            return inAccounts + inVaults == (isEmpty ? 0 : Total)
                ? null
                : ("C-ATOM", $"{device} shows {inAccounts} in accounts and {inVaults} in vaults, of {Total} that there are.");
        };
    }

    private static List<string> Holders(SourceState state) => [.. state.Rows(Accounts.Name).Keys, .. state.Rows(Vaults.Name).Keys];

    private static void Move(SimTransaction transaction, string payer, string payee, long amount)
    {
        if (Balance(transaction.State, payer) is null || Balance(transaction.State, payee) is null)
            return;
        Add(transaction, payer, -amount);
        Add(transaction, payee, amount);
    }

    private static void Add(SimTransaction transaction, string holder, long amount)
    {
        var table = holder[0] == 'a' ? Accounts : Vaults;
        var column = table.Table.IndexOf("balance");
        transaction.Update(table, holder, row => row.With(column, (Parse(row[column]!) + amount).ToString(CultureInfo.InvariantCulture)));
    }

    private static long? Balance(SourceState state, string holder) => holder[0] == 'a'
        ? state.Rows(Accounts.Name).GetValueOrDefault(holder) is { } account ? Parse(account[2]!) : null
        : state.Rows(Vaults.Name).GetValueOrDefault(holder) is { } vault ? Parse(vault[1]!) : null;

    private static long Parse(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
