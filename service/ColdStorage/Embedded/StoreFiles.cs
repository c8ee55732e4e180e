using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace TopGun.Buckets.ColdStorage.Embedded;

/// <summary>The store's folder: the file operations that can fail, in one place so that tests can make them fail.</summary>
internal class StoreFiles(string folder)
{
    public string Folder => folder;

    public string PathOf(string name) => Path.Combine(folder, name);

    public void CreateFolder() => Directory.CreateDirectory(folder);

    public bool Exists(string name) => File.Exists(PathOf(name));

    /// <summary>Names of the files with an extension, in ordinal order.</summary>
    public virtual IReadOnlyList<string> List(string extension)
    {
        List<string> names = [.. Directory.EnumerateFiles(folder, "*" + extension).Select(path => Path.GetFileName(path))];
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    public virtual SafeFileHandle Open(string name, FileMode mode, FileAccess access) =>
        File.OpenHandle(PathOf(name), mode, access, FileShare.Read | FileShare.Delete);

    public virtual void Write(SafeFileHandle file, IReadOnlyList<ReadOnlyMemory<byte>> buffers, long offset) =>
        RandomAccess.Write(file, buffers, offset);

    /// <exception cref="IOException">It is not certain that what was written is on the disk.</exception>
    public virtual void Flush(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
        {
            RandomAccess.FlushToDisk(file);
            return;
        }
        // The runtime's own flush takes a failure for success: in .NET 10 its native part returns 1, and not −1.
        var isHeld = false;
        file.DangerousAddRef(ref isHeld);
        try
        {
            Sync((int)file.DangerousGetHandle(), "A file of the store");
        }
        finally
        {
            if (isHeld)
                file.DangerousRelease();
        }
    }

    public virtual void Truncate(SafeFileHandle file, long length) => RandomAccess.SetLength(file, length);

    /// <summary>Reads as many bytes as there are, up to the size of the buffer.</summary>
    /// <exception cref="StoreFailedException">The disk does not give them.</exception>
    public int Read(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        try
        {
            return ReadBytes(file, buffer, offset);
        }
        catch (IOException failure)
        {
            throw new StoreFailedException(folder, failure);
        }
    }

    protected virtual int ReadBytes(SafeFileHandle file, Span<byte> buffer, long offset)
    {
        var total = 0;
        while (total < buffer.Length)
        {
            var read = RandomAccess.Read(file, buffer[total..], offset + total);
            if (read == 0)
                break;
            total += read;
        }
        return total;
    }

    /// <summary>Where an open file lies now, as the system names it: it changes when the file is deleted, replaced or moved. Null where that cannot be told.</summary>
    public virtual string? WhereIs(SafeFileHandle file)
    {
        if (!OperatingSystem.IsLinux())
            return null;
        try
        {
            return File.ResolveLinkTarget(string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{file.DangerousGetHandle()}"), returnFinalTarget: false)?.FullName;
        }
        catch (IOException)
        {
            return null; // no /proc here
        }
    }

    public byte[] ReadAll(string name) => File.ReadAllBytes(PathOf(name));

    /// <summary>Writes a file so that after a crash there is the old one or the new one, whole.</summary>
    public void Replace(string name, ReadOnlyMemory<byte> content)
    {
        var temporary = name + ".tmp";
        using (var file = Open(temporary, FileMode.Create, FileAccess.Write))
        {
            Write(file, [content], 0);
            Flush(file);
        }
        Rename(temporary, name);
    }

    /// <summary>Puts a file in the place of another.</summary>
    public void Rename(string from, string to)
    {
        File.Move(PathOf(from), PathOf(to), overwrite: true);
        SyncFolder();
    }

    public virtual void Delete(string name) => File.Delete(PathOf(name));

    /// <summary>Makes created, renamed and deleted names durable.</summary>
    public virtual void SyncFolder()
    {
        if (OperatingSystem.IsWindows())
            return; // NTFS journals names; a folder cannot be flushed there
        var name = $"The folder {folder}";
        var descriptor = NativeMethods.Open(folder, flags: 0);
        if (descriptor < 0)
            throw Failure(name, "opened");
        try
        {
            Sync(descriptor, name);
        }
        finally
        {
            _ = NativeMethods.Close(descriptor);
        }
    }

    private static void Sync(int descriptor, string what)
    {
        const int Interrupted = 4;
        while (NativeMethods.Sync(descriptor) != 0)
        {
            if (Marshal.GetLastPInvokeError() != Interrupted)
                throw Failure(what, "flushed");
        }
    }

    private static IOException Failure(string what, string action)
    {
        var error = Marshal.GetLastPInvokeError();
        return new IOException($"{what} cannot be {action}: {Marshal.GetPInvokeErrorMessage(error)}.", error);
    }

    private static class NativeMethods
    {
        [DllImport("libc", EntryPoint = "open", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);

        [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Sync(int descriptor);

        [DllImport("libc", EntryPoint = "close", SetLastError = true)]
        [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
        public static extern int Close(int descriptor);
    }
}
