using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.BucketLog.Evaluation;
using TopGun.Buckets.Protocol;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.BucketLog;

public class BatchMemoryTests
{
    private readonly BatchBuilder _builder = new();
    private readonly BucketEntry _bucket;

    public BatchMemoryTests()
    {
        var rows = new BucketRows();
        _bucket = new BucketEntry(rows, rows.Add("1#all[]"u8));
    }

    [Fact]
    public void The_next_batch_has_the_memory_of_one_that_is_durable()
    {
        var first = Build("first");

        first.Release();

        Assert.Same(MemoryOf(first), MemoryOf(Build("second")));
    }

    [Fact]
    public void A_batch_that_is_kept_stays_what_it_was()
    {
        var kept = Build("kept");
        kept.Keep();

        kept.Release();

        Assert.NotSame(MemoryOf(kept), MemoryOf(Build("next")));
        Assert.Equal("kept"u8, Assert.Single(kept.Ops.ToArray()).Fragment.Span);
    }

    [Fact]
    public void Two_batches_that_wait_for_the_store_have_memory_of_their_own()
    {
        var (one, other) = (Build("one"), Build("other"));

        Assert.NotSame(MemoryOf(one), MemoryOf(other));
        Assert.Equal("one"u8, one.Fragments.Span);
        Assert.Equal("other"u8, other.Fragments.Span);
    }

    [Fact]
    public void What_is_shown_after_it_is_durable_has_its_own_memory()
    {
        _builder.Start();
        var batch = _builder.Build(Lsn.None, []);

        Assert.Null(batch.Memory);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(1 << 20)]
    [InlineData((1 << 20) + 1)]
    public void Rented_memory_is_large_enough(int length) => Assert.InRange(new BatchMemory().Fragments.Rent(length).Length, length, int.MaxValue);

    private OpBatch Build(string fragment)
    {
        _builder.Start();
        var bytes = Encoding.UTF8.GetBytes(fragment);
        _builder.Fragments.Write(bytes);
        _builder.Add(_bucket, OpKind.Put, checksum: 1, fragment: 0, bytes.Length);
        return _builder.Build(new Lsn(1), [], isRented: true);
    }

    private static byte[]? MemoryOf(OpBatch batch) => MemoryMarshal.TryGetArray(batch.Fragments, out var segment) ? segment.Array : null;
}
