using TopGun.Buckets.SyncRules.Sql;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Which source tables a query reads. A trailing <c>%</c> stands for anything.</summary>
/// <param name="Connection">Tag of the source connection.</param>
/// <param name="Schema">Schema, or the beginning of its name.</param>
/// <param name="Name">Table, or the beginning of its name.</param>
/// <param name="HasSchemaWildcard">Whether a trailing <c>%</c> of the schema is a wildcard; only in edition 3.</param>
internal sealed record TableMatch(string Connection, string Schema, string Name, bool HasSchemaWildcard = false)
{
    public const string DefaultConnection = "default";

    public bool IsWildcard => Name.EndsWith('%');

    /// <summary>Reads <c>table</c>, <c>schema.table</c> or <c>"tag.schema".table</c>.</summary>
    public static TableMatch Of(TableSyntax table, string defaultSchema, int edition)
    {
        var schema = table.Schema?.Text ?? defaultSchema;
        var dot = table.Schema is null ? -1 : schema.IndexOf('.', StringComparison.Ordinal);
        var connection = dot < 0 ? DefaultConnection : schema[..dot];
        return new TableMatch(connection, schema[(dot + 1)..], table.Name.Text, edition == 3 && schema.EndsWith('%'));
    }

    public bool Matches(string connection, string schema, string name) =>
        connection == Connection && MatchesSchema(schema) && MatchesName(name, Name);

    /// <summary>The part of the name that the wildcard stands for.</summary>
    public string SuffixOf(string name) => IsWildcard ? name[(Name.Length - 1)..] : "";

    private bool MatchesSchema(string schema) =>
        HasSchemaWildcard ? MatchesName(schema, Schema) && !IsSystemSchema(schema) : schema == Schema;

    private static bool IsSystemSchema(string schema) =>
        schema == "information_schema" || schema.StartsWith("pg_", StringComparison.Ordinal);

    private static bool MatchesName(string name, string pattern) => pattern.EndsWith('%')
        ? name.AsSpan().StartsWith(pattern.AsSpan(0, pattern.Length - 1))
        : name == pattern;
}
