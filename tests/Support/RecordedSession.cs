namespace TopGun.Buckets.Tests.Support;

/// <summary>A session of the sync protocol as text: what a service said on one connection after the other, and what the device showed meanwhile.</summary>
/// <remarks>
/// <code>
/// # what it is about
/// &gt;                                       the device connects
/// &lt; {"checkpoint":{…}}                    the service says
/// = todos id,title [["t1","Milk"]]        the device shows, every value as text and the rows by their ids
/// </code>
/// </remarks>
public sealed class RecordedSession
{
    private RecordedSession(IReadOnlyList<IReadOnlyList<Step>> connections) => Connections = connections;

    /// <summary>The steps of each connection.</summary>
    public IReadOnlyList<IReadOnlyList<Step>> Connections { get; }

    /// <summary>A line of the service, or else what a table shows.</summary>
    public sealed record Step(string? Line, Table? Shown);

    /// <param name="Name">The table.</param>
    /// <param name="Columns">Its columns, as in SQL.</param>
    /// <param name="Rows">A JSON array of rows, each an array of texts.</param>
    public sealed record Table(string Name, string Columns, string Rows)
    {
        /// <summary>A query for the same JSON.</summary>
        public string Query =>
            $"SELECT json_group_array(json_array({string.Join(", ", Columns.Split(',').Select(column => $"CAST({column} AS TEXT)"))})) FROM (SELECT * FROM {Name} ORDER BY id)";
    }

    public static RecordedSession Parse(string text)
    {
        var connections = new List<List<Step>>();
        foreach (var line in text.Split('\n').Select(line => line.TrimEnd('\r')))
        {
            switch (line)
            {
                case "" or ['#', ..]:
                    break;
                case ">":
                    connections.Add([]);
                    break;
                case ['<', ' ', .. var said]:
                    connections[^1].Add(new Step(said, Shown: null));
                    break;
                case ['=', ' ', .. var shown] when shown.Split(' ', 3) is [var table, var columns, var rows]:
                    connections[^1].Add(new Step(Line: null, new Table(table, columns, rows)));
                    break;
                default:
                    throw new FormatException($"This is no line of a session: {line}");
            }
        }
        return new RecordedSession(connections);
    }
}
