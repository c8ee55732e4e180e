using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace TopGun.Buckets.Client.Generators;

/// <summary>A record as a table, as far as its declaration says.</summary>
internal sealed class TableModel
{
    private TableModel(INamedTypeSymbol type, AttributeData attribute)
    {
        Type = type;
        Attribute = attribute;
    }

    public INamedTypeSymbol Type { get; }

    public AttributeData Attribute { get; }

    public ImmutableArray<ColumnModel> Columns { get; private set; } = [];

    public ImmutableArray<Diagnostic> Problems { get; private set; } = [];

    public static TableModel Read(INamedTypeSymbol type, TypeDeclarationSyntax declaration, AttributeData attribute)
    {
        var table = new TableModel(type, attribute);
        if (!declaration.Modifiers.Any(modifier => modifier.IsKind(SyntaxKind.PartialKeyword)))
            table.Report(Diagnostic.Create(TableProblems.NotPartial, declaration.Identifier.GetLocation(), type.Name));
        var constructors = Constructors(type);
        if (constructors.Length != 1 || constructors[0].Parameters.FirstOrDefault() is not { Name: "Id" or "id", Type.SpecialType: SpecialType.System_String })
        {
            table.Report(Diagnostic.Create(TableProblems.NoId, declaration.Identifier.GetLocation(), type.Name));
            return table;
        }
        table.ReadColumns(constructors[0]);
        return table;
    }

    /// <summary>Those that somebody wrote: without a record's own copying one, and a struct's empty one.</summary>
    public static IMethodSymbol[] Constructors(INamedTypeSymbol type) => type.InstanceConstructors.Where(constructor =>
        !(constructor.Parameters.Length == 1 && SymbolEqualityComparer.Default.Equals(constructor.Parameters[0].Type, type))
        && !(constructor.IsImplicitlyDeclared && constructor.Parameters.Length == 0)).ToArray();

    private void ReadColumns(IMethodSymbol constructor)
    {
        var names = new HashSet<string>(StringComparer.OrdinalIgnoreCase) { "id" };
        var columns = ImmutableArray.CreateBuilder<ColumnModel>();
        foreach (var parameter in constructor.Parameters.Skip(1))
        {
            var column = ColumnModel.Of(parameter, Type, out var problem);
            if (column is not null && !names.Add(column.Name))
                problem = $"there is a column '{column.Name}' already";
            if (problem is not null)
                Report(Diagnostic.Create(TableProblems.NoColumn, parameter.Locations.FirstOrDefault(), parameter.Name, Type.Name, problem));
            else
                columns.Add(column!);
        }
        Columns = columns.ToImmutable();
    }

    private void Report(Diagnostic problem) => Problems = Problems.Add(problem);
}
