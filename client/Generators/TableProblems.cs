using Microsoft.CodeAnalysis;

namespace TopGun.Buckets.Client.Generators;

/// <summary>What can be wrong with a record that shall be a table, one member each.</summary>
internal static class TableProblems
{
    public static readonly DiagnosticDescriptor NotPartial = Error(
        "TGB6060", "A table's record must be partial", "'{0}' must be partial, so that the code that reads and writes it can be added");

    public static readonly DiagnosticDescriptor NoId = Error(
        "TGB6061", "A table's record must begin with its id", "'{0}' must have one constructor whose first parameter is 'string Id'");

    public static readonly DiagnosticDescriptor NoColumn = Error(
        "TGB6062",
        "A parameter cannot be a column",
        "'{0}' of '{1}' cannot be a column: {2}");

    public static readonly DiagnosticDescriptor NoConstructor = Error(
        "TGB6063", "A query's record must have one constructor", "'{0}' must have one constructor, whose parameters are the columns");

    private static DiagnosticDescriptor Error(string id, string title, string message) =>
        new(id, title, message, "TopGun.Buckets", DiagnosticSeverity.Error, isEnabledByDefault: true);
}
