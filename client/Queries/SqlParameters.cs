using System.Globalization;
using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Queries;

/// <summary>Binds .NET values to a statement's parameters in order, in the forms in which synced rows hold them.</summary>
internal static class SqlParameters
{
    /// <param name="statement">The statement.</param>
    /// <param name="parameters">Values of the app's.</param>
    /// <param name="further">Parameters behind them that the caller binds.</param>
    public static void Bind(Statement statement, IReadOnlyList<object?>? parameters, int further = 0)
    {
        var given = parameters?.Count ?? 0;
        if (given != statement.ParameterCount - further)
            throw new ArgumentException($"The statement has {statement.ParameterCount - further} parameter(s) and {given} were given.", nameof(parameters));
        for (var index = 0; index < given; index++)
            Bind(statement, index + 1, parameters![index]);
    }

    /// <summary>Binds one value; a parameter's number begins at 1.</summary>
    public static void Bind(Statement statement, int index, object? value)
    {
        switch (value)
        {
            case null or DBNull:
                statement.BindNull(index);
                break;
            case string text:
                statement.Bind(index, text);
                break;
            case bool flag:
                statement.Bind(index, flag ? 1L : 0L);
                break;
            case sbyte or byte or short or ushort or int or uint or long:
                statement.Bind(index, Convert.ToInt64(value, CultureInfo.InvariantCulture));
                break;
            case ulong big:
                statement.Bind(index, checked((long)big));
                break;
            case float or double:
                statement.Bind(index, Convert.ToDouble(value, CultureInfo.InvariantCulture));
                break;
            case decimal number: // as text: a real would round
                statement.Bind(index, number.ToString(CultureInfo.InvariantCulture));
                break;
            case Guid guid:
                statement.Bind(index, guid.ToString("D"));
                break;
            case DateTimeOffset time:
                statement.Bind(index, time.ToString("O", CultureInfo.InvariantCulture));
                break;
            case DateTime time:
                statement.Bind(index, time.ToString("O", CultureInfo.InvariantCulture));
                break;
            case DateOnly date:
                statement.Bind(index, date.ToString("O", CultureInfo.InvariantCulture));
                break;
            case TimeOnly time:
                statement.Bind(index, time.ToString("O", CultureInfo.InvariantCulture));
                break;
            case TimeSpan span:
                statement.Bind(index, span.ToString("c", CultureInfo.InvariantCulture));
                break;
            case char letter:
                statement.Bind(index, letter.ToString());
                break;
            case byte[] bytes:
                statement.BindBlob(index, bytes);
                break;
            case Enum choice:
                statement.Bind(index, Convert.ToInt64(choice, CultureInfo.InvariantCulture));
                break;
            default:
                throw new ArgumentException($"A parameter of type {value.GetType().Name} has no SQLite form; convert it to text or a number.");
        }
    }

    /// <summary>A value of a type that is bound as text, out of its text; null when the type is not bound so.</summary>
    public static object? Parse(string text, Type type)
    {
        if (type == typeof(Guid))
            return Guid.Parse(text);
        if (type == typeof(decimal))
            return decimal.Parse(text, CultureInfo.InvariantCulture);
        if (type == typeof(DateTimeOffset))
            return DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
        if (type == typeof(DateTime))
            return DateTime.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind);
        if (type == typeof(DateOnly))
            return DateOnly.Parse(text, CultureInfo.InvariantCulture);
        if (type == typeof(TimeOnly))
            return TimeOnly.Parse(text, CultureInfo.InvariantCulture);
        return type == typeof(TimeSpan) ? TimeSpan.Parse(text, CultureInfo.InvariantCulture) : null;
    }
}
