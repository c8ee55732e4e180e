using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Queries;

/// <summary>Reads rows as a single value, or through the constructor of a record whose parameters are named like the columns.</summary>
internal static class RowMapping
{
    private const DynamicallyAccessedMemberTypes Constructors = DynamicallyAccessedMemberTypes.PublicConstructors;

    /// <summary>Chooses how to read the statement's rows.</summary>
    public static Func<Statement, T> For<[DynamicallyAccessedMembers(Constructors)] T>(Statement statement)
    {
        if (IsScalar(typeof(T)))
            return static statement => (T)Convert(statement, 0, typeof(T))!;

        var columns = new Dictionary<string, int>(StringComparer.OrdinalIgnoreCase);
        for (var column = 0; column < statement.ColumnCount; column++)
            columns.TryAdd(Plain(statement.ColumnName(column)), column);
        var (constructor, positions) = Choose(typeof(T), columns);
        var parameters = constructor.GetParameters();
        return statement =>
        {
            var values = new object?[parameters.Length];
            for (var index = 0; index < values.Length; index++)
            {
                values[index] = positions[index] >= 0
                    ? Convert(statement, positions[index], parameters[index].ParameterType)
                    : parameters[index].DefaultValue;
            }
            return (T)constructor.Invoke(values);
        };
    }

    private static (ConstructorInfo Constructor, int[] Positions) Choose(
        [DynamicallyAccessedMembers(Constructors)] Type type, Dictionary<string, int> columns)
    {
        ConstructorInfo? chosen = null;
        int[] positions = [];
        foreach (var constructor in type.GetConstructors())
        {
            var parameters = constructor.GetParameters();
            if (chosen is not null && parameters.Length <= positions.Length)
                continue;
            var found = new int[parameters.Length];
            var fits = parameters.Length > 0;
            for (var index = 0; index < parameters.Length && fits; index++)
            {
                found[index] = columns.GetValueOrDefault(Plain(parameters[index].Name!), -1);
                fits = found[index] >= 0 || parameters[index].HasDefaultValue;
            }
            if (fits)
                (chosen, positions) = (constructor, found);
        }
        return chosen is null
            ? throw ClientErrors.CannotMap(type, $"no constructor fits the columns {string.Join(", ", columns.Keys)}")
            : (chosen, positions);
    }

    // owner_id and OwnerId are the same name.
    private static string Plain(string name) => name.Replace("_", "", StringComparison.Ordinal);

    private static bool IsScalar(Type type)
    {
        type = Nullable.GetUnderlyingType(type) ?? type;
        return type.IsPrimitive || type.IsEnum || type == typeof(string) || type == typeof(decimal) || type == typeof(Guid)
            || type == typeof(DateTimeOffset) || type == typeof(DateTime) || type == typeof(DateOnly) || type == typeof(TimeOnly)
            || type == typeof(TimeSpan) || type == typeof(byte[])
            || type == typeof(object);
    }

    private static object? Convert(Statement statement, int column, Type type)
    {
        if (statement.IsNull(column))
        {
            if (type.IsValueType && Nullable.GetUnderlyingType(type) is null)
                throw ClientErrors.CannotMap(type, $"column '{statement.ColumnName(column)}' is NULL");
            return null;
        }
        type = Nullable.GetUnderlyingType(type) ?? type;
        if (type == typeof(string))
            return statement.Text(column);
        if (type == typeof(byte[]))
            return statement.Bytes(column).ToArray();
        if (type == typeof(object))
            return new RowReader(statement).GetValue(column);
        if (type == typeof(bool))
            return statement.Int64(column) != 0;
        if (type == typeof(double) || type == typeof(float))
            return System.Convert.ChangeType(statement.Double(column), type, CultureInfo.InvariantCulture);
        if (type.IsEnum)
            return Enum.ToObject(type, statement.Int64(column));
        if (type.IsPrimitive)
            return System.Convert.ChangeType(statement.Int64(column), type, CultureInfo.InvariantCulture);

        return SqlParameters.Parse(statement.Text(column)!, type) ?? throw ClientErrors.CannotMap(type, $"column '{statement.ColumnName(column)}' has no such form");
    }
}
