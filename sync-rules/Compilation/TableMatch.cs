using TopGun.Buckets.SyncRules.Sql;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Which source tables a query reads. A trailing <c>%</c> stands for anything.</summary>
internal sealed record TableMatch(string Connection, string Schema, string Name)
{
    public const string DefaultConnection = "default";

    public bool IsWildcard => Name.EndsWith('%');

    public bool HasSchemaWildcard => Schema.EndsWith('%');

    /// <summary>Reads <c>table</c>, <c>schema.table</c> or <c>"tag.schema".table</c>.</summary>
    public static TableMatch Of(TableSyntax table, string defaultSchema)
    {
        var schema = table.Schema?.Text ?? defaultSchema;
        var dot = table.Schema is null ? -1 : schema.IndexOf('.', StringComparison.Ordinal);
        return dot < 0
            ? new TableMatch(DefaultConnection, schema, table.Name.Text)
            : new TableMatch(schema[..dot], schema[(dot + 1)..], table.Name.Text);
    }

    public bool Matches(string connection, string schema, string name) =>
        connection == Connection && MatchesSchema(schema) && MatchesName(name, Name);

    /// <summary>The part of the name that the wildcard stands for.</summary>
    public string SuffixOf(string name) => IsWildcard ? name[(Name.Length - 1)..] : "";

    private bool MatchesSchema(string schema) =>
        MatchesName(schema, Schema) && (!HasSchemaWildcard || !IsSystemSchema(schema));

    private static bool IsSystemSchema(string schema) =>
        schema == "information_schema" || schema.StartsWith("pg_", StringComparison.Ordinal);

    private static bool MatchesName(string name, string pattern) => pattern.EndsWith('%')
        ? name.AsSpan().StartsWith(pattern.AsSpan(0, pattern.Length - 1))
        : name == pattern;
}
