namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>A folder for one test's database, removed with it.</summary>
internal sealed class ScratchFolder : IDisposable
{
    private readonly string _path = Directory.CreateTempSubdirectory("topgun-client-").FullName;

    public string Database => Path.Combine(_path, "app.db");

    /// <summary>What a first download has put away.</summary>
    public string Download => Database + "-download";

    /// <summary>What a kill at this moment would leave on disk, as a database of its own.</summary>
    public string CopyAsKilled(string name)
    {
        var copy = Path.Combine(_path, name);
        File.Copy(Database, copy, overwrite: true);
        foreach (var suffix in (string[])["-wal", "-download"])
        {
            if (File.Exists(Database + suffix))
                File.Copy(Database + suffix, copy + suffix, overwrite: true);
        }
        return copy;
    }

    public void Dispose() => Directory.Delete(_path, recursive: true);
}
