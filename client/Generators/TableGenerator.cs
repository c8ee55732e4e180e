using System.Collections.Immutable;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace TopGun.Buckets.Client.Generators;

/// <summary>
/// Writes, for each record with a <c>SyncedTable</c> attribute, the table's declaration and the code that reads and writes its rows; for one with a
/// <c>QueryRow</c> attribute, the code that reads it.
/// </summary>
[Generator]
public sealed class TableGenerator : IIncrementalGenerator
{
    private const string TableAttribute = "TopGun.Buckets.Client.SyncedTableAttribute";
    private const string RowAttribute = "TopGun.Buckets.Client.QueryRowAttribute";

    /// <inheritdoc/>
    public void Initialize(IncrementalGeneratorInitializationContext context)
    {
        Register(context, TableAttribute, GenerateTable);
        Register(context, RowAttribute, GenerateRow);
    }

    private static void Register(
        IncrementalGeneratorInitializationContext context, string attribute, Func<GeneratorAttributeSyntaxContext, GeneratedPart> generate)
    {
        var parts = context.SyntaxProvider.ForAttributeWithMetadataName(
            attribute, (node, _) => node is TypeDeclarationSyntax, (found, _) => generate(found));
        context.RegisterSourceOutput(parts, (output, part) =>
        {
            foreach (var problem in part.Problems)
                output.ReportDiagnostic(problem);
            if (part.Source is not null)
                output.AddSource(part.FileName, part.Source);
        });
    }

    private static GeneratedPart GenerateRow(GeneratorAttributeSyntaxContext found)
    {
        var type = (INamedTypeSymbol)found.TargetSymbol;
        var source = QueryRowSource.Write(type, (TypeDeclarationSyntax)found.TargetNode, out var problems);
        return new GeneratedPart(FileName(type, "Row"), source, problems);
    }

    private static GeneratedPart GenerateTable(GeneratorAttributeSyntaxContext found)
    {
        var type = (INamedTypeSymbol)found.TargetSymbol;
        var table = TableModel.Read(type, (TypeDeclarationSyntax)found.TargetNode, found.Attributes[0]);
        return new GeneratedPart(FileName(type, "Table"), table.Problems.IsEmpty ? TableSource.Write(table) : null, table.Problems);
    }

    private static string FileName(INamedTypeSymbol type, string part) => $"{type.ToDisplayString().Replace('<', '_').Replace('>', '_')}.{part}.g.cs";

    /// <summary>What becomes of one record; equal when it would be the same file.</summary>
    private sealed class GeneratedPart(string fileName, string? source, ImmutableArray<Diagnostic> problems) : IEquatable<GeneratedPart>
    {
        public string FileName { get; } = fileName;

        public string? Source { get; } = source;

        public ImmutableArray<Diagnostic> Problems { get; } = problems;

        public bool Equals(GeneratedPart? other) => other is not null && FileName == other.FileName && Source == other.Source
            && Problems.SequenceEqual(other.Problems);

        public override bool Equals(object? obj) => Equals(obj as GeneratedPart);

        public override int GetHashCode() => FileName.GetHashCode();
    }
}
