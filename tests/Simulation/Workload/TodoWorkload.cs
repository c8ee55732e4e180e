using System.Globalization;
using System.Text.Json;
using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Source;

namespace TopGun.Buckets.Tests.Simulation.Workload;

/// <summary>Shared to-do lists: rows hop between buckets and owners, keys change and change places, and members come and go.</summary>
internal sealed class TodoWorkload : Workload
{
    public override int Weight => 6;

    public override IReadOnlyList<SimTable> Tables => [TodoApp.Lists, TodoApp.Todos, TodoApp.Members, TodoApp.Notices];

    public override string Definitions => TodoApp.Definitions;

    public override IReadOnlyList<LocalTable> LocalTables { get; } =
    [
        new LocalTable("lists", LocalColumn.Text("owner_id"), LocalColumn.Text("name"), LocalColumn.Integer("n")),
        new LocalTable("notices", LocalColumn.Text("body")),
        new LocalTable("todos", LocalColumn.Text("list_id"), LocalColumn.Text("title"), LocalColumn.Text("note"), LocalColumn.Integer("done"), LocalColumn.Integer("n")),
    ];

    public override void Change(SimTransaction transaction, Author author)
    {
        var random = author.Random;
        switch (random.Below(100))
        {
            case < 22 when transaction.State.Rows(TodoApp.Todos.Name).Count >= author.Shape.Rows:
                author.Delete(transaction, TodoApp.Todos);
                break;
            case < 22:
                transaction.Insert(TodoApp.Todos, SimRow.Of(
                    author.NewId("t"), author.AnyList(), author.Word("title"), random.Chance(0.5) ? author.LongText() : null, random.Chance(0.5) ? "t" : "f", author.Number()));
                break;
            case < 45:
                ChangeTodo(transaction, author);
                break;
            case < 46:
                Swap(transaction, author);
                break;
            case < 58:
                author.Delete(transaction, TodoApp.Todos);
                break;
            case < 64:
                // A row's key changes, sometimes onto one that has just been freed.
                if (author.AnyKey(transaction, TodoApp.Todos) is { } renamed)
                    transaction.Update(TodoApp.Todos, renamed, row => row.With(0, random.Chance(0.5) ? author.NewId("t") : author.SmallId("t")));
                break;
            case < 72:
                transaction.Insert(TodoApp.Lists, SimRow.Of(author.AnyList(), author.AnyUser(), author.Word("name"), author.Number()));
                break;
            case < 80:
                if (author.AnyKey(transaction, TodoApp.Lists) is { } list)
                    transaction.Update(TodoApp.Lists, list, row => random.Chance(0.5) ? row.With(1, author.AnyUser()) : row.With(3, author.Number()));
                break;
            case < 82:
                author.Delete(transaction, TodoApp.Lists);
                break;
            case < 89:
                transaction.Insert(TodoApp.Members, SimRow.Of(author.AnyList(), author.AnyUser()));
                break;
            case < 94:
                author.Delete(transaction, TodoApp.Members);
                break;
            case < 99:
                ChangeNotice(transaction, author);
                break;
            default:
                if (random.Chance(author.Shape.Truncates))
                    transaction.Truncate(random.Chance(0.5) ? [TodoApp.Notices] : [TodoApp.Todos, TodoApp.Notices]);
                break;
        }
    }

    public override async Task<int> ChangeLocallyAsync(WriteTransaction transaction, SimRandom random, string device)
    {
        var visible = await transaction.QueryAsync<string>("SELECT id FROM todos ORDER BY id");
        var word = string.Create(CultureInfo.InvariantCulture, $"{device} wrote {random.NextUInt64():x}");
        if (visible.Count == 0 || random.Chance(0.3))
        {
            return await transaction.ExecuteAsync(
                "INSERT INTO todos(id, list_id, title, done, n) VALUES(?, ?, ?, 0, 7)",
                [$"local-{random.NextUInt64():x}", $"list-{random.Below(6)}", word]);
        }
        return random.Chance(0.8)
            ? await transaction.ExecuteAsync("UPDATE todos SET title = ? WHERE id = ?", [word, random.Pick(visible)])
            : await transaction.ExecuteAsync("DELETE FROM todos WHERE id = ?", [random.Pick(visible)]);
    }

    public override bool Upload(SimTransaction transaction, CrudEntry entry)
    {
        if (entry.Table != TodoApp.Todos.Name)
            return false;
        switch (entry.Op)
        {
            case CrudOp.Delete:
                transaction.Delete(TodoApp.Todos, entry.Id);
                break;
            case CrudOp.Patch:
            case CrudOp.Put when transaction.State.Rows(TodoApp.Todos.Name).ContainsKey(entry.Id):
                transaction.Update(TodoApp.Todos, entry.Id, row => Fill(row, entry.Data));
                break;
            default:
                transaction.Insert(TodoApp.Todos, Fill(SimRow.Of(entry.Id, null, null, null, null, null), entry.Data));
                break;
        }
        return true;
    }

    public override void AddVisible(string user, SourceState state, SortedSet<string> rows)
    {
        var lists = new HashSet<string>(
            state.Rows("members").Values.Where(member => member[1] == user).Select(member => member[0]!), StringComparer.Ordinal);
        foreach (var notice in state.Rows("notices").Values)
            rows.Add(NaiveModel.Describe("notices", [notice[0], notice[1]]));
        foreach (var list in state.Rows("lists").Values)
        {
            if (list[1] == user || lists.Contains(list[0]!))
                rows.Add(NaiveModel.Describe("lists", [list[0], list[1], list[2], list[3]]));
        }
        foreach (var todo in state.Rows("todos").Values)
        {
            if (todo[1] is { } list && lists.Contains(list))
                rows.Add(NaiveModel.Describe("todos", [todo[0], todo[1], todo[2], todo[3], todo[4] switch { "t" => "1", "f" => "0", _ => null }, todo[5]]));
        }
    }

    public override bool? MaySee(string bucket, string parameter, string user, SourceState state)
    {
        if (bucket.Contains("list[", StringComparison.Ordinal))
            return state.Rows(TodoApp.Members.Name).ContainsKey(SimTable.KeyOf([parameter, user]));
        return bucket.Contains("owned[", StringComparison.Ordinal) ? parameter == user : null;
    }

    private static void ChangeTodo(SimTransaction transaction, Author author)
    {
        if (author.AnyKey(transaction, TodoApp.Todos) is not { } key)
            return;
        var random = author.Random;
        transaction.Update(TodoApp.Todos, key, row => random.Below(5) switch
        {
            0 => row.With(1, random.Chance(0.1) ? null : author.AnyList()), // moves to another bucket, its note unchanged
            1 => row.With(3, random.Chance(0.7) ? author.LongText() : null),
            2 => row.With(4, row[4] == "t" ? "f" : "t"),
            3 => row, // changes nothing
            _ => row.With(2, author.Word("title")).With(5, author.Number()),
        });
    }

    /// <summary>Two rows change keys, over a third that is free before and after.</summary>
    private static void Swap(SimTransaction transaction, Author author)
    {
        if (author.AnyKey(transaction, TodoApp.Todos) is not { } first || author.AnyKey(transaction, TodoApp.Todos) is not { } second || first == second)
            return;
        var free = author.NewId("t");
        transaction.Update(TodoApp.Todos, first, row => row.With(0, free));
        transaction.Update(TodoApp.Todos, second, row => row.With(0, first));
        transaction.Update(TodoApp.Todos, free, row => row.With(0, second));
    }

    private static void ChangeNotice(SimTransaction transaction, Author author)
    {
        var random = author.Random;
        var key = author.AnyKey(transaction, TodoApp.Notices);
        if (key is null || random.Chance(0.4))
            transaction.Insert(TodoApp.Notices, SimRow.Of(author.SmallId("n"), author.LongText()));
        else if (random.Chance(0.5))
            transaction.Update(TodoApp.Notices, key, row => random.Chance(0.3) ? row.With(0, author.SmallId("n")) : row.With(1, author.Word("body")));
        else
            transaction.Delete(TodoApp.Notices, key);
    }

    private static SimRow Fill(SimRow row, JsonElement? data)
    {
        foreach (var value in data!.Value.EnumerateObject())
        {
            var column = TodoApp.Todos.Table.IndexOf(value.Name);
            row = row.With(column, value.Value.ValueKind switch
            {
                JsonValueKind.Null => null,
                JsonValueKind.String => value.Value.GetString(),
                _ when value.Name == "done" => value.Value.GetInt64() == 0 ? "f" : "t",
                _ => value.Value.GetRawText(),
            });
        }
        return row;
    }
}
