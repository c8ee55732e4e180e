using TopGun.Buckets.Client.LocalStore;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>Another program with the same file open.</summary>
internal sealed class LocalDatabaseWriter(string path) : IDisposable
{
    private readonly Database _database = Database.OpenWriter(path);

    public void Write(string sql) => _database.Run(sql);

    public void Dispose() => _database.Dispose();
}
