using System.Globalization;

namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>Keeps other processes out of the folder for as long as it is held. The operating system lets go of it when the process ends.</summary>
internal sealed class StoreLock : IDisposable
{
    private const string LockName = "lock";
    private const string HolderName = "lock.pid"; // a locked file cannot be read by those who want to know who locked it

    private readonly FileStream _file;

    private StoreLock(FileStream file) => _file = file;

    public static StoreLock Take(StoreFiles files)
    {
        FileStream file;
        try
        {
            file = new FileStream(files.PathOf(LockName), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException) when (files.Exists(LockName))
        {
            throw new StoreInUseException(files.Folder, Holder(files));
        }
        File.WriteAllText(files.PathOf(HolderName), Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        return new StoreLock(file);
    }

    public void Dispose() => _file.Dispose();

    private static string? Holder(StoreFiles files) =>
        files.Exists(HolderName)
        && int.TryParse(File.ReadAllText(files.PathOf(HolderName)), NumberStyles.None, CultureInfo.InvariantCulture, out var holder)
            ? string.Create(CultureInfo.InvariantCulture, $"process {holder}")
            : null;
}
