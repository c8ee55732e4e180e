using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Evaluation;

namespace TopGun.Buckets.SyncRules.Schema;

/// <summary>What a column holds on the client.</summary>
public enum ClientType
{
    /// <summary>Text; also dates, JSON, and what may be of any type.</summary>
    Text,

    /// <summary>Whole numbers; also booleans as 0 and 1.</summary>
    Integer,

    /// <summary>Floating point numbers.</summary>
    Real,
}

/// <summary>One column.</summary>
public sealed record ClientColumn(string Name, ClientType Type);

/// <summary>One table; its column <c>id</c> is always there and not listed.</summary>
public sealed record ClientTable(string Name, IReadOnlyList<ClientColumn> Columns);

/// <summary>The tables that the rules send to clients.</summary>
/// <param name="Tables">In order of the file.</param>
/// <param name="Notes">What could not be known, or is left out, in sentences.</param>
public sealed record ClientSchema(IReadOnlyList<ClientTable> Tables, IReadOnlyList<string> Notes)
{
    /// <summary>Derives the schema. Tables that several queries fill have the columns of all of them.</summary>
    /// <param name="rules">Compiled rules.</param>
    /// <param name="source">Tables of the source, for the columns of stars and for types; null when it is not known.</param>
    public static ClientSchema Of(RuleSet rules, IReadOnlyList<SourceTable>? source)
    {
        var compiled = (CompiledRuleSet)rules;
        var builder = new ClientSchemaBuilder();
        foreach (var query in compiled.Plan.Data)
            Add(query, source, builder, compiled.Settings.CustomPostgresTypes);
        return builder.Build();
    }

    /// <summary>Columns of a table of the source, as a query that takes all of them would give them to clients.</summary>
    public static IReadOnlyList<ClientColumn> ColumnsOf(SourceTable table) =>
    [
        .. new ExpressionTypes(table, expandsTypes: true).Columns
            .Where(static column => column.Type is not null)
            .Select(static column => new ClientColumn(column.Name, column.Type!.Value)),
    ];

    private static void Add(DataPlan query, IReadOnlyList<SourceTable>? source, ClientSchemaBuilder builder, bool expandsTypes)
    {
        var place = $"{query.Definition.Name}, line {query.Written?.Line ?? 0}";
        var tables = source is null
            ? []
            : source.Where(table => query.Table.Matches(TableMatch.DefaultConnection, table.Schema, table.Name)).ToList();
        foreach (var table in tables)
            builder.Add(query.OutputTable ?? table.Name, query.Projection, new ExpressionTypes(table, expandsTypes));
        if (tables.Count > 0)
            return;
        if (source is not null)
            builder.Note($"{place}: the source has no table '{query.Table.Schema}.{query.Table.Name}'.");
        if (query.OutputTable is null)
            builder.Note($"{place}: which tables '{query.Table.Name}' stands for is not known without the source.");
        else
            builder.Add(query.OutputTable, query.Projection, new ExpressionTypes(null, expandsTypes));
        if (query.Projection.Items.Any(item => item.Expression is null))
            builder.Note($"{place}: the columns of * are not known without the source.");
    }
}
