using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>
/// Runs a test in one thread under a clock that jumps to the next timer whenever nothing else can go on. A wait of minutes takes no time,
/// and a test that could never end fails at once.
/// </summary>
internal sealed class VirtualRun : SynchronizationContext
{
    private readonly BlockingCollection<(SendOrPostCallback Callback, object? State)> _work = [];
    private readonly int _thread = Environment.CurrentManagedThreadId;

    /// <summary>Where something ran outside the loop's thread.</summary>
    private volatile string? _escape;

    public static void Run(Func<ManualTime, Task> test)
    {
        var before = Current;
        var run = new VirtualRun();
        SetSynchronizationContext(run);
        try
        {
            run.RunToEnd(test);
        }
        finally
        {
            SetSynchronizationContext(before);
        }
    }

    public override void Post(SendOrPostCallback d, object? state)
    {
        if (Environment.CurrentManagedThreadId != _thread)
            _escape ??= Environment.StackTrace;
        _work.Add((d, state));
    }

    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException();

    public override SynchronizationContext CreateCopy() => this;

    private void RunToEnd(Func<ManualTime, Task> test)
    {
        var time = new ManualTime();
        var running = test(time);
        while (!running.IsCompleted)
        {
            // A continuation of the pool's is on its way when the queue is empty for a moment; the library itself sends none there.
            if (_work.TryTake(out var work) || (time.NextDue is null && _work.TryTake(out work, TimeSpan.FromSeconds(5))))
                work.Callback(work.State);
            else if (time.NextDue is { } due)
                time.Advance(due);
            else
                throw new InvalidOperationException("Everything waits, and no timer is set.");
        }
        if (running.Exception is { } failure)
            ExceptionDispatchInfo.Throw(failure.InnerException!);
        if (_escape is { } trace)
            throw new InvalidOperationException("A continuation came from another thread:\n" + trace);
    }
}
