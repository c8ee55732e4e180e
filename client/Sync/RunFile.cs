using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;
using SQLitePCL;
using TopGun.Buckets.Client.LocalStore;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Client.Sync;

/// <summary>A file beside the database that holds what a first download puts away; which parts of it count is in <c>tg_run</c>.</summary>
/// <remarks>
/// In the database these bytes would be written three times: into the log, into the file, and when they have become rows. Nothing waits for the
/// disk here. A kill leaves what was written before a commit; should a power loss take some of it, the parts do not open, and the download
/// begins again. They are sealed with a key that only the database knows, so that an encrypted database has nothing in plain text beside it.
/// <code>
/// part: length of its records (4 bytes, little-endian), tag (16), records
/// </code>
/// </remarks>
internal sealed class RunFile : IDisposable
{
    /// <summary>What a part takes beside its records.</summary>
    public const int HeaderBytes = sizeof(int) + TagBytes;

    private const int TagBytes = 16;
    private const int NonceBytes = 12;

    private readonly SafeFileHandle _file;
    private readonly AesGcm _cipher;

    private RunFile(SafeFileHandle file, AesGcm cipher) => (_file, _cipher) = (file, cipher);

    /// <summary>Opens or creates the file. Inside a transaction on the writing connection.</summary>
    /// <exception cref="LocalStoreException">The file cannot be opened.</exception>
    public static RunFile Open(Database database)
    {
        var statement = database.Prepare(
            "INSERT INTO tg_meta(key, value) VALUES('run_key', randomblob(32)) ON CONFLICT(key) DO UPDATE SET value = value RETURNING value");
        statement.Step();
        var cipher = new AesGcm(statement.Bytes(0), TagBytes);
        statement.Reset();
        try
        {
            const FileShare share = FileShare.ReadWrite | FileShare.Delete;
            return new RunFile(Try(() => File.OpenHandle(PathOf(database.File), FileMode.OpenOrCreate, FileAccess.ReadWrite, share)), cipher);
        }
        catch
        {
            cipher.Dispose();
            throw;
        }
    }

    /// <summary>Removes the file, if it is there and nobody has it open.</summary>
    public static void Delete(string databaseFile)
    {
        try
        {
            File.Delete(PathOf(databaseFile));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It stays until the next stream begins.
        }
    }

    /// <summary>Appends a part to what is to be written.</summary>
    /// <param name="nonce">Of the run.</param>
    /// <param name="part">Its number in the run.</param>
    /// <param name="records">What it holds.</param>
    /// <param name="output">Takes it.</param>
    public void Seal(long nonce, int part, ReadOnlySpan<byte> records, IBufferWriter<byte> output)
    {
        var bytes = output.GetSpan(HeaderBytes + records.Length);
        BinaryPrimitives.WriteInt32LittleEndian(bytes, records.Length);
        Span<byte> unique = stackalloc byte[NonceBytes];
        _cipher.Encrypt(Nonce(unique, nonce, part), records, bytes.Slice(HeaderBytes, records.Length), bytes.Slice(sizeof(int), TagBytes));
        output.Advance(HeaderBytes + records.Length);
    }

    /// <summary>Writes sealed parts.</summary>
    /// <exception cref="LocalStoreException">The disk is full, or fails.</exception>
    public void Write(long start, ReadOnlyMemory<byte> parts) => Try(() =>
    {
        RandomAccess.Write(_file, parts.Span, start);
        return true;
    });

    /// <summary>Reads a part.</summary>
    /// <param name="run">Its run.</param>
    /// <param name="start">Where it begins.</param>
    /// <param name="part">Its number in the run.</param>
    /// <param name="buffer">Gets it; its records begin at <see cref="HeaderBytes"/>. Replaced by a larger one when it does not suffice.</param>
    /// <returns>Bytes of its records.</returns>
    /// <exception cref="BucketsException">The part is not there, or damaged (TGB6013).</exception>
    public int Read(in Run run, long start, int part, ref byte[] buffer)
    {
        var read = ReadAt(buffer, 0, start);
        var length = read < HeaderBytes ? -1 : BinaryPrimitives.ReadInt32LittleEndian(buffer);
        if (length < 0 || start + HeaderBytes + length > run.End)
            throw ClientErrors.DownloadLost();
        if (HeaderBytes + length > buffer.Length)
            Array.Resize(ref buffer, HeaderBytes + length);
        if (read < HeaderBytes + length && ReadAt(buffer, read, start) < HeaderBytes + length - read)
            throw ClientErrors.DownloadLost();
        Span<byte> unique = stackalloc byte[NonceBytes];
        var records = buffer.AsSpan(HeaderBytes, length);
        try
        {
            _cipher.Decrypt(Nonce(unique, run.Nonce, part), records, buffer.AsSpan(sizeof(int), TagBytes), records);
        }
        catch (AuthenticationTagMismatchException)
        {
            throw ClientErrors.DownloadLost();
        }
        return length;
    }

    public void Dispose()
    {
        _file.Dispose();
        _cipher.Dispose();
    }

    private int ReadAt(byte[] buffer, int from, long start) => Try(() =>
    {
        var filled = from;
        while (filled < buffer.Length && RandomAccess.Read(_file, buffer.AsSpan(filled), start + filled) is > 0 and var read)
            filled += read;
        return filled - from;
    });

    private static Span<byte> Nonce(Span<byte> bytes, long run, int part)
    {
        BinaryPrimitives.WriteInt64LittleEndian(bytes, run);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[sizeof(long)..], part);
        return bytes;
    }

    private static string PathOf(string databaseFile) => databaseFile + "-download";

    private static T Try<T>(Func<T> use)
    {
        try
        {
            return use();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new LocalStoreException(
                raw.SQLITE_IOERR, $"What is being downloaded cannot be kept beside the database: {exception.Message}", "See to the folder's space and its rights; synchronisation continues by itself.");
        }
    }
}
