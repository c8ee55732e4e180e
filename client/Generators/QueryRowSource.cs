using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace TopGun.Buckets.Client.Generators;

/// <summary>Writes the other part of a record that is a row of a query's result.</summary>
internal static class QueryRowSource
{
    public static string? Write(INamedTypeSymbol type, TypeDeclarationSyntax declaration, out ImmutableArray<Diagnostic> problems)
    {
        var found = ImmutableArray.CreateBuilder<Diagnostic>();
        if (!declaration.Modifiers.Any(modifier => modifier.IsKind(SyntaxKind.PartialKeyword)))
            found.Add(Diagnostic.Create(TableProblems.NotPartial, declaration.Identifier.GetLocation(), type.Name));
        var constructors = TableModel.Constructors(type);
        if (constructors.Length != 1 || constructors[0].Parameters.IsEmpty)
            found.Add(Diagnostic.Create(TableProblems.NoConstructor, declaration.Identifier.GetLocation(), type.Name));
        var columns = constructors.Length == 1 ? Columns(constructors[0], type, found) : [];
        problems = found.ToImmutable();
        return problems.IsEmpty ? Write(type, columns) : null;
    }

    private static List<ColumnModel> Columns(IMethodSymbol constructor, INamedTypeSymbol type, ImmutableArray<Diagnostic>.Builder problems)
    {
        var columns = new List<ColumnModel>();
        foreach (var parameter in constructor.Parameters)
        {
            var column = ColumnModel.Of(parameter, type, out var problem);
            if (problem is not null)
                problems.Add(Diagnostic.Create(TableProblems.NoColumn, parameter.Locations.FirstOrDefault(), parameter.Name, type.Name, problem));
            else
                columns.Add(column!);
        }
        return columns;
    }

    private static string Write(INamedTypeSymbol type, List<ColumnModel> columns)
    {
        var self = type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);
        return TableSource.Within(type, $"{TableSource.Client}.IQueryRow<{self}>", source =>
        {
            source.Append("    public static global::System.Collections.Generic.IReadOnlyList<string> Columns { get; } = new string[] { ");
            source.Append(string.Join(", ", columns.Select(column => TableSource.Literal(column.Name)))).Append(" };\n\n");
            source.Append($"    public static {self} Read({TableSource.Client}.RowReader row, global::System.ReadOnlySpan<int> places) => new(\n        ");
            source.Append(string.Join(",\n        ", columns.Select((column, index) =>
                column.Read.Replace("#", $"places[{index.ToString(System.Globalization.CultureInfo.InvariantCulture)}]"))));
            source.Append(");\n");
        });
    }
}
