using System.Globalization;
using System.Text;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.SyncRules.Explain;

namespace TopGun.Buckets.Host;

/// <summary>The explanation of a row for people.</summary>
internal sealed class RowExplanationText
{
    private readonly StringBuilder _text = new();

    /// <param name="row">The explanation.</param>
    /// <param name="tables">What the rules read, for when this table is not among it.</param>
    public static string Of(RowExplanation row, IReadOnlyList<TablePattern> tables)
    {
        var text = new RowExplanationText();
        text.Write(row, tables);
        return text._text.ToString();
    }

    private void Write(RowExplanation row, IReadOnlyList<TablePattern> tables)
    {
        Line($"{row.Table}: {Values(row.Values)}");
        if (row.Problem is not null)
            Line(row.Problem);
        if (row.Queries.Count == 0 && row.Lookups.Count == 0)
            Line($"No query of the rules reads this table. They read {string.Join(", ", tables.Select(table => $"{table.Schema}.{table.Name}"))}.");
        foreach (var query in row.Queries)
            Write(query);
        foreach (var index in row.Lookups)
            Write(index);
        Line();
        Line(row.Buckets.Count == 0
            ? "The row is in no bucket."
            : $"The row is in {PlainText.Count(row.Buckets.Count, "bucket")}: {string.Join(", ", row.Buckets)}");
        if (row.User is { } user)
            Line(user.Through.Count > 0 ? $"The user gets it through {string.Join(", ", user.Through)}" : $"The user does not get it: {user.WhyNot}");
    }

    private void Write(ExplainedQuery query)
    {
        Head(query.Definition, query.Line, query.Query);
        foreach (var way in query.Ways)
            Write(way);
        foreach (var bucket in query.Buckets)
            Line($"    in bucket {bucket}");
        if (query.Output is { } output)
            Line($"    clients get {output.Table} '{output.Id}': {output.Data}");
        if (query.Problem is not null)
            Line($"    in no bucket, because the query cannot be evaluated: {query.Problem}");
    }

    private void Write(ExplainedIndex index)
    {
        Head(index.Definition, index.Line, index.Query);
        foreach (var way in index.Ways)
            Write(way);
        foreach (var entry in index.Entries)
        {
            var gives = entry.Gives.Count == 0 ? "that there is such a row" : Values(entry.Gives);
            Line(entry.Key.Count == 0 ? $"    every request finds {gives}" : $"    who asks for {Values(entry.Key)} finds {gives}");
        }
        if (index.Problem is not null)
            Line($"    found by nobody, because the query cannot be evaluated: {index.Problem}");
    }

    private void Write(ExplainedMatch way)
    {
        foreach (var filter in way.Filters)
            Term(filter, "    ");
        foreach (var combination in way.Combinations)
        {
            foreach (var element in combination.Elements)
                Term(element, "    ");
            var indent = combination.Elements.Count > 0 ? "      " : "    ";
            foreach (var term in combination.Filters.Concat(combination.Keys))
                Term(term, indent);
            if (combination.WhyNone is not null && combination.Elements.Count > 0)
                Line($"{indent}does not count: {combination.WhyNone}");
        }
        if (way.WhyNone is not null)
            Line($"    {(way.Family is null ? "not looked up by anybody" : $"in no bucket {way.Family}[…]")}: {way.WhyNone}");
    }

    private void Head(string definition, int line, string query)
    {
        Line();
        Line(string.Create(CultureInfo.InvariantCulture, $"{definition}, line {line}: {query}"));
    }

    private void Term(ExplainedTerm term, string indent) =>
        Line($"{indent}{term.Text}  is  {(term.Problem is null ? term.Value.Json : $"not to be computed: {term.Problem}")}");

    private static string Values(IReadOnlyList<ExplainedColumn> columns) =>
        string.Join(", ", columns.Select(column => $"{column.Name} = {PlainText.Short(column.Value.Json)}"));

    private void Line(string text = "") => _text.Append(PlainText.Safe(text)).Append('\n');
}
