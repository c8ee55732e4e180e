using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.EndToEnd;

/// <summary>The store's disk fails: the process ends with a code rather than trust it, and the next one goes on from what is certain.</summary>
public class DiskFails
{
    // What the store writes, it writes at a place of a file; nothing else in the process does.
    private const string FailingDisk =
        """
        ssize_t pwrite64(int file, const void *bytes, size_t count, off64_t offset)
        {
            static ssize_t (*real)(int, const void *, size_t, off64_t);
            if (!real)
                real = (ssize_t (*)(int, const void *, size_t, off64_t))dlsym(RTLD_NEXT, "pwrite64");
            if (number && *number)
            {
                errno = EIO;
                return -1;
            }
            return real(file, bytes, count, offset);
        }

        ssize_t pwrite(int file, const void *bytes, size_t count, off_t offset)
        {
            return pwrite64(file, bytes, count, offset);
        }

        ssize_t pwritev64(int file, const struct iovec *buffers, int count, off64_t offset)
        {
            static ssize_t (*real)(int, const struct iovec *, int, off64_t);
            if (!real)
                real = (ssize_t (*)(int, const struct iovec *, int, off64_t))dlsym(RTLD_NEXT, "pwritev64");
            if (number && *number)
            {
                errno = EIO;
                return -1;
            }
            return real(file, buffers, count, offset);
        }

        ssize_t pwritev(int file, const struct iovec *buffers, int count, off_t offset)
        {
            return pwritev64(file, buffers, count, offset);
        }
        """;

    [Fact]
    public async Task A_write_that_fails_ends_the_process_and_the_next_has_lost_and_repeats_nothing()
    {
        using var disk = await PreloadedLibrary.CompileAsync(FailingDisk);
        await using var demo = await DemoService.StartAsync(disk.Settings);
        var history = new OpHistory();
        var ann = demo.Connect("ann", history);
        await ann.WaitForAsync("todos", "title", "Milk");

        disk.Set(1);
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'not stored' WHERE title = 'Milk'");
        Assert.Equal(1, await demo.Process.WaitForExitAsync());
        Assert.Contains("TGB2001", demo.Process.Log, StringComparison.Ordinal);

        disk.Set(0);
        await demo.Process.StartAsync();
        await ann.WaitForAsync("todos", "title", "not stored");
        await demo.Database.ExecuteAsync("UPDATE todos SET title = 'stored' WHERE title = 'not stored'");
        var view = await ann.WaitForAsync("todos", "title", "stored");
        Assert.Equal(await demo.ExpectedAsync("ann"), DemoService.Shown(view));
        Assert.Equal(0, ann.DroppedBuckets);
    }
}
