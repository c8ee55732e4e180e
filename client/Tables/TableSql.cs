using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Tables;

/// <summary>The statements that a table is read and written with, made once.</summary>
internal static class TableSql<T>
    where T : class, ITableRow<T>
{
    private static readonly string Name = SqlText.Name(T.Table.SqlName);
    private static readonly string[] Columns = [.. T.Table.Columns.Select(column => SqlText.Name(column.Name))];

    public static readonly string Select = $"SELECT {string.Join(", ", Columns.Prepend("id"))} FROM {Name}";

    public static readonly string Insert =
        $"INSERT INTO {Name}({string.Join(", ", Columns.Prepend("id"))}) VALUES({string.Join(", ", Enumerable.Repeat("?", Columns.Length + 1))})";

    /// <summary>Null for a table without columns, where there is nothing to update.</summary>
    public static readonly string? Update = Columns.Length == 0
        ? null
        : $"UPDATE {Name} SET {string.Join(", ", Columns.Select(column => $"{column} = ?"))} WHERE id = ?";

    public static readonly string Delete = $"DELETE FROM {Name} WHERE id = ?";

    public static string SelectWhere(string? rest) => string.IsNullOrWhiteSpace(rest) ? Select : $"{Select} {rest}";
}
