using System.Diagnostics;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>A small library in C that stands between the service and the system's, and a number that it reads and a test sets.</summary>
internal sealed class PreloadedLibrary : IDisposable
{
    private const string Beginning =
        """
        #define _GNU_SOURCE
        #include <dlfcn.h>
        #include <errno.h>
        #include <fcntl.h>
        #include <stdlib.h>
        #include <sys/mman.h>
        #include <sys/types.h>
        #include <sys/uio.h>
        #include <time.h>

        static volatile long *number;

        __attribute__((constructor)) static void start(void)
        {
            int file = open(getenv("TOPGUN_TEST_NUMBER"), O_RDONLY);
            void *place = mmap(0, sizeof(long), PROT_READ, MAP_SHARED, file, 0);
            if (place != MAP_FAILED)
                number = place;
        }


        """;

    private readonly string _folder;

    private PreloadedLibrary(string folder) => _folder = folder;

    /// <summary>Settings of a service that has it.</summary>
    public (string Name, string Value)[] Settings =>
        [("LD_PRELOAD", Path.Combine(_folder, "library.so")), ("TOPGUN_TEST_NUMBER", Path.Combine(_folder, "number"))];

    /// <summary>Compiles it; the number is 0. Without a compiler the test is skipped.</summary>
    /// <param name="source">Functions of the system's library, in C; <c>number</c> points at the number, or is null.</param>
    public static async Task<PreloadedLibrary> CompileAsync(string source)
    {
        var library = new PreloadedLibrary(Directory.CreateTempSubdirectory("topgun-library-").FullName);
        await File.WriteAllBytesAsync(Path.Combine(library._folder, "number"), new byte[sizeof(long)], TestContext.Current.CancellationToken);
        var path = Path.Combine(library._folder, "library.c");
        await File.WriteAllTextAsync(path, Beginning + source, TestContext.Current.CancellationToken);
        try
        {
            using var compiler = Process.Start("gcc", ["-shared", "-fPIC", "-O1", "-o", Path.Combine(library._folder, "library.so"), path, "-ldl"]);
            await compiler.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.Equal(0, compiler.ExitCode);
            return library;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            library.Dispose();
            Assert.Skip("Install gcc: a small library between the service and the system's has to be compiled.");
            throw;
        }
        catch
        {
            library.Dispose();
            throw;
        }
    }

    /// <summary>Sets the number, also in services that run.</summary>
    public void Set(long number)
    {
        using var file = new FileStream(Path.Combine(_folder, "number"), FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.Write(BitConverter.GetBytes(number));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
