using SQLitePCL;

namespace TopGun.Buckets.Client.Sharing;

/// <summary>Something that one client at a time holds, in whichever process: a file beside the database that it keeps open.</summary>
/// <remarks>
/// The operating system lets go of it when the process ends, however it ends. The file stays behind: whoever removed it could let two clients
/// hold it, each by a file of its own.
/// </remarks>
internal sealed class FileLock : IDisposable
{
    private readonly FileStream _file;

    private FileLock(FileStream file) => _file = file;

    /// <returns>Null when another client holds it.</returns>
    /// <exception cref="LocalStoreException">The file cannot be made.</exception>
    public static FileLock? TryTake(string path)
    {
        try
        {
            return new FileLock(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0));
        }
        catch (IOException exception) when (IsHeld(exception))
        {
            return null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new LocalStoreException(raw.SQLITE_CANTOPEN, $"The file '{path}' cannot be opened: {exception.Message}", "Check the folder and its rights.");
        }
    }

    public void Dispose() => _file.Dispose();

    // ERROR_SHARING_VIOLATION on Windows; elsewhere errno's EWOULDBLOCK of flock, which is 11 on Linux and 35 on Apple's and BSD's systems.
    private static bool IsHeld(IOException exception) => exception.HResult is unchecked((int)0x80070020) or 11 or 35;
}
