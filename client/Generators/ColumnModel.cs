using System.Text;
using Microsoft.CodeAnalysis;

namespace TopGun.Buckets.Client.Generators;

/// <summary>A constructor parameter as a column.</summary>
internal sealed class ColumnModel
{
    private ColumnModel(string name, string kind, string property, string read)
    {
        Name = name;
        Kind = kind;
        Property = property;
        Read = read;
    }

    public string Name { get; }

    /// <summary>A member of <c>ColumnKind</c>.</summary>
    public string Kind { get; }

    /// <summary>The property that holds the value.</summary>
    public string Property { get; }

    /// <summary>The expression that reads it from <c>row</c>, with <c>#</c> for the column's position.</summary>
    public string Read { get; }

    public static ColumnModel? Of(IParameterSymbol parameter, INamedTypeSymbol type, out string? problem)
    {
        problem = null;
        if (type.GetMembers().OfType<IPropertySymbol>().FirstOrDefault(
            member => member.Name.Equals(parameter.Name, StringComparison.OrdinalIgnoreCase)) is not { GetMethod: not null } property)
        {
            problem = "no property of that name gives its value back";
            return null;
        }
        if (Reading(parameter.Type) is not { } reading)
        {
            problem = $"the type '{parameter.Type.ToDisplayString()}' has no form in SQLite; use text, a number, bool, Guid, a time or an enum";
            return null;
        }
        return new ColumnModel(NameOf(parameter), reading.Kind, property.Name, reading.Expression);
    }

    private static string NameOf(IParameterSymbol parameter)
    {
        foreach (var attribute in parameter.GetAttributes())
        {
            if (attribute.AttributeClass?.ToDisplayString() == "TopGun.Buckets.Client.ColumnAttribute" && attribute.ConstructorArguments.Length == 1)
                return (string)attribute.ConstructorArguments[0].Value!;
        }
        return SnakeCase(parameter.Name);
    }

    private static (string Kind, string Expression)? Reading(ITypeSymbol type)
    {
        if (type.SpecialType == SpecialType.System_String)
            return ("Text", type.NullableAnnotation == NullableAnnotation.Annotated ? "row.GetText(#)" : "row.GetText(#) ?? \"\"");
        if (type is INamedTypeSymbol { OriginalDefinition.SpecialType: SpecialType.System_Nullable_T } nullable)
        {
            return Reading(nullable.TypeArguments[0]) is not { } inner
                ? null
                : (inner.Kind, $"row.IsNull(#) ? null : ({Full(type)})({inner.Expression})");
        }
        if (type.TypeKind == TypeKind.Enum)
            return ("Integer", $"({Full(type)})row.GetInt64(#)");
        switch (type.SpecialType)
        {
            case SpecialType.System_Boolean:
                return ("Integer", "row.GetBoolean(#)");
            case SpecialType.System_Int64:
                return ("Integer", "row.GetInt64(#)");
            case SpecialType.System_Byte or SpecialType.System_SByte or SpecialType.System_Int16 or SpecialType.System_UInt16
                or SpecialType.System_Int32 or SpecialType.System_UInt32:
                return ("Integer", $"({Full(type)})row.GetInt64(#)");
            case SpecialType.System_Double:
                return ("Real", "row.GetDouble(#)");
            case SpecialType.System_Single:
                return ("Real", "(float)row.GetDouble(#)");
            case SpecialType.System_Decimal:
                return ("Text", "row.GetDecimal(#)");
            case SpecialType.System_DateTime:
                return ("Text", "row.GetDateTime(#)");
        }
        return type.ToDisplayString() switch
        {
            "System.Guid" => ("Text", "row.GetGuid(#)"),
            "System.DateTimeOffset" => ("Text", "row.GetDateTimeOffset(#)"),
            "System.DateOnly" => ("Text", "row.GetDateOnly(#)"),
            _ => null,
        };
    }

    private static string Full(ITypeSymbol type) => type.ToDisplayString(SymbolDisplayFormat.FullyQualifiedFormat);

    /// <summary>ListId and listId are list_id, HTMLBody is html_body.</summary>
    private static string SnakeCase(string name)
    {
        var snake = new StringBuilder();
        for (var index = 0; index < name.Length; index++)
        {
            var isUpper = char.IsUpper(name[index]);
            var startsWord = isUpper && index > 0
                && (!char.IsUpper(name[index - 1]) || (index + 1 < name.Length && char.IsLower(name[index + 1])));
            if (startsWord && name[index - 1] != '_')
                snake.Append('_');
            snake.Append(char.ToLowerInvariant(name[index]));
        }
        return snake.ToString();
    }
}
