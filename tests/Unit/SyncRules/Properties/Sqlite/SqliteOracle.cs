using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Data.Sqlite;

namespace TopGun.Buckets.Tests.Unit.SyncRules.Properties.Sqlite;

/// <summary>The rows in SQLite, and what queries over all of them give. Knows nothing of buckets.</summary>
internal sealed class SqliteOracle : IDisposable
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly SqliteConnection _connection = new("Data Source=:memory:");

    public SqliteOracle(SampleData data)
    {
        _connection.Open();
        foreach (var (table, rows) in data.Rows)
        {
            Execute($"CREATE TABLE {table} ({string.Join(", ", SampleData.Columns)})"); // without types there is no affinity
            foreach (var row in rows)
                Insert(table, row);
        }
    }

    /// <summary>Rows of a query as <c>t id {json}</c>; the first column is the id.</summary>
    /// <param name="sql">The query, with <c>$sub $org $list $con $par</c> for what the request says.</param>
    /// <param name="request">The request.</param>
    /// <param name="subscription">Parameters of the subscription, or null for none.</param>
    public IEnumerable<string> Rows(string sql, SampleRequest request, Dictionary<string, object?>? subscription)
    {
        using var command = Command(sql);
        Bind(command, "$sub", request.Token.GetValueOrDefault("sub"));
        Bind(command, "$org", request.Token.GetValueOrDefault("org"));
        Bind(command, "$list", request.Token.GetValueOrDefault("list") is { } list ? JsonSerializer.Serialize(list) : null);
        Bind(command, "$con", request.Connection.GetValueOrDefault("x"));
        Bind(command, "$par", subscription?.GetValueOrDefault("x"));
        using var reader = command.ExecuteReader();
        while (reader.Read())
        {
            var members = Enumerable.Range(0, reader.FieldCount).Select(column => $"{JsonSerializer.Serialize(reader.GetName(column), Plain)}:{Json(reader.GetValue(column))}");
            yield return $"t {reader.GetValue(0)} {{{string.Join(',', members)}}}";
        }
    }

    public void Dispose() => _connection.Dispose();

    private static string Json(object value) => value switch
    {
        DBNull => "null",
        long number => number.ToString(CultureInfo.InvariantCulture),
        string text => JsonSerializer.Serialize(text, Plain),
        _ => throw new NotSupportedException($"The queries give no {value.GetType().Name}."),
    };

    private void Insert(string table, string?[] row)
    {
        using var command = Command($"INSERT INTO {table} VALUES ({string.Join(", ", row.Select((_, column) => $"$v{column}"))})");
        for (var column = 0; column < row.Length; column++)
            Bind(command, $"$v{column}", SampleData.IsInteger(column) && row[column] is { } digits ? long.Parse(digits, CultureInfo.InvariantCulture) : row[column]);
        command.ExecuteNonQuery();
    }

    private void Execute(string sql)
    {
        using var command = Command(sql);
        command.ExecuteNonQuery();
    }

    private SqliteCommand Command(string sql)
    {
        var command = _connection.CreateCommand();
#pragma warning disable CA2100 // the text is made here, of nothing that anybody typed
        command.CommandText = sql;
#pragma warning restore CA2100
        return command;
    }

    private static void Bind(SqliteCommand command, string name, object? value) => command.Parameters.AddWithValue(name, value ?? DBNull.Value);
}
