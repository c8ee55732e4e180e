using System.Diagnostics.CodeAnalysis;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Client.Queries.Live;

namespace TopGun.Buckets.Client.Queries;

/// <summary>Runs a query to its end and makes values of its rows.</summary>
internal static class QueryRunner
{
    public static IReadOnlyList<T> Run<[DynamicallyAccessedMembers(DynamicallyAccessedMemberTypes.PublicConstructors)] T>(
        Database database, string sql, IReadOnlyList<object?>? parameters)
    {
        var statement = database.Prepare(sql);
        SqlParameters.Bind(statement, parameters);
        return Collect(statement, RowMapping.For<T>(statement));
    }

    public static IReadOnlyList<T> Run<T>(Database database, string sql, RowMapper<T> map, IReadOnlyList<object?>? parameters)
    {
        var statement = database.Prepare(sql);
        SqlParameters.Bind(statement, parameters);
        return Collect(statement, statement => map(new RowReader(statement)));
    }

    public static IReadOnlyList<T> Run<T>(Database database, string sql, RowMaking<T> making, IReadOnlyList<object?>? parameters)
    {
        var statement = database.Prepare(sql);
        SqlParameters.Bind(statement, parameters);
        return Collect(statement, making(statement));
    }

    private static List<T> Collect<T>(Statement statement, Func<Statement, T> map)
    {
        var rows = new List<T>();
        try
        {
            while (statement.Step())
                rows.Add(map(statement));
            return rows;
        }
        catch
        {
            statement.Reset();
            throw;
        }
    }
}
