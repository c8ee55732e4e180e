using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace TopGun.Buckets.Client.Generators;

/// <summary>Writes, for each record with a <c>SyncedTable</c> attribute, the table's declaration and the code that reads and writes its rows.</summary>
[Generator]
public sealed class TableGenerator : IIncrementalGenerator
{
    private const string AttributeName = "TopGun.Buckets.Client.SyncedTableAttribute";

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        var tables = context.SyntaxProvider.ForAttributeWithMetadataName(
            AttributeName, (node, _) => node is TypeDeclarationSyntax, (found, _) => Generate(found));
        context.RegisterSourceOutput(tables, (output, table) =>
        {
            foreach (var problem in table.Problems)
                output.ReportDiagnostic(problem);
            if (table.Source is not null)
                output.AddSource(table.FileName, table.Source);
        });
    }

    private static GeneratedTable Generate(GeneratorAttributeSyntaxContext found)
    {
        var type = (INamedTypeSymbol)found.TargetSymbol;
        var table = TableModel.Read(type, (TypeDeclarationSyntax)found.TargetNode, found.Attributes[0]);
        var fileName = type.ToDisplayString().Replace('<', '_').Replace('>', '_') + ".Table.g.cs";
        return new GeneratedTable(fileName, table.Problems.IsEmpty ? TableSource.Write(table) : null, table.Problems);
    }

    /// <summary>What becomes of one record; equal when it would be the same file.</summary>
    private sealed class GeneratedTable(string fileName, string? source, ImmutableArray<Diagnostic> problems) : IEquatable<GeneratedTable>
    {
        public string FileName { get; } = fileName;

        public string? Source { get; } = source;

        public ImmutableArray<Diagnostic> Problems { get; } = problems;

        public bool Equals(GeneratedTable? other) => other is not null && FileName == other.FileName && Source == other.Source
            && Problems.SequenceEqual(other.Problems);

        public override bool Equals(object? obj) => Equals(obj as GeneratedTable);

        public override int GetHashCode() => FileName.GetHashCode();
    }
}
