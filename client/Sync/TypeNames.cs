using System.Text;
using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Client.Sync;

/// <summary>Numbers for type names, so that an operation stores a small integer.</summary>
internal sealed class TypeNames
{
    private readonly Dictionary<string, long> _ids = new(StringComparer.Ordinal);
    private byte[] _last = [];
    private long _lastId;

    public void Load(Database database)
    {
        _ids.Clear();
        _last = [];
        var statement = database.Prepare("SELECT id, name FROM tg_type");
        while (statement.Step())
            _ids[statement.Text(1)!] = statement.Int64(0);
    }

    /// <summary>The number of a type, newly given when it is seen for the first time.</summary>
    public long IdOf(Database database, ReadOnlySpan<byte> utf8)
    {
        // Operations of one table come in runs.
        if (utf8.SequenceEqual(_last))
            return _lastId;
        var name = Encoding.UTF8.GetString(utf8);
        if (!_ids.TryGetValue(name, out var id))
        {
            database.Prepare("INSERT INTO tg_type(name) VALUES(?) ON CONFLICT DO NOTHING").Bind(1, name).Run();
            id = database.Prepare("SELECT id FROM tg_type WHERE name = ?").Bind(1, name).RunInt64()!.Value;
            _ids[name] = id;
        }
        _last = utf8.ToArray();
        _lastId = id;
        return id;
    }
}
