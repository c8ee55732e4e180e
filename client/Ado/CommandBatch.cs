using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Ado;

/// <summary>The statements of a command and what they are given.</summary>
/// <param name="sql">Statements, with semicolons between them.</param>
/// <param name="parameters">For all of them.</param>
/// <param name="firstRowOnly">Whether the caller looks at no further row.</param>
internal sealed class CommandBatch(string sql, ParameterList parameters, bool firstRowOnly)
{
    private static readonly string[] WritingWords = ["INSERT", "UPDATE", "DELETE", "REPLACE", "CREATE", "DROP", "ALTER"];

    /// <summary>Whether it is certain to write, so that no reader need look at it. The reader finds out about the others.</summary>
    public bool BeginsWithWrite
    {
        get
        {
            var text = sql.AsSpan().TrimStart();
            foreach (var word in WritingWords)
            {
                if (text.StartsWith(word, StringComparison.OrdinalIgnoreCase))
                    return true;
            }
            return false;
        }
    }

    /// <summary>Runs it on a reader.</summary>
    /// <returns>Null when one of its statements is for the writer.</returns>
    public CommandResult? TryRead(Database database)
    {
        var result = new CommandResult();
        var place = 0;
        for (var rest = sql; rest is not null;)
        {
            var statement = database.PrepareFirst(rest);
            rest = statement.Tail;
            if (statement.IsEmpty)
                continue;
            if (!statement.IsReadOnly || statement.Use.ControlsTransaction)
                return null;
            parameters.Bind(statement, ref place);
            var table = result.Add(statement);
            while (statement.Step())
            {
                table.Add(statement);
                if (!firstRowOnly)
                    continue;
                statement.Reset();
                break;
            }
        }
        return result;
    }

    /// <summary>Runs it on the writer.</summary>
    public CommandResult Write(Database database, WriteTransaction transaction)
    {
        var result = new CommandResult();
        var place = 0;
        for (var rest = sql; rest is not null;)
        {
            var statement = transaction.Prepare(database, rest);
            rest = statement.Tail;
            if (statement.IsEmpty)
                continue;
            parameters.Bind(statement, ref place);
            var writes = !statement.IsReadOnly;
            var table = result.Add(statement);
            var rows = transaction.Run(database, statement, statement =>
            {
                if (!firstRowOnly || table.Rows.Count == 0)
                    table.Add(statement);
            });
            if (writes)
                result.RecordsAffected = Math.Max(0, result.RecordsAffected) + rows;
        }
        return result;
    }
}
