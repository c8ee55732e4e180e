using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace TopGun.Buckets.Tests.Simulation.Loop;

/// <summary>The whole world in one thread: a queue of events by virtual time, ties broken at random from the seed.</summary>
internal sealed class SimLoop
{
    private readonly PriorityQueue<SimEvent, Turn> _queue = new();
    private readonly ConcurrentQueue<string> _escapes = new();
    private readonly SimRandom _schedule;
    private readonly int _thread = Environment.CurrentManagedThreadId;
    private long _sequence;
    private volatile bool _escaped;

    public SimLoop(ulong seed)
    {
        Seed = seed;
        _schedule = Stream("schedule");
        World = new SimActor(this, "world");
    }

    public ulong Seed { get; }

    /// <summary>Virtual time in ticks since the start.</summary>
    public long Now { get; private set; }

    public long Step { get; private set; }

    /// <summary>The part of the world that never crashes: networks, disks, the source, the checkers.</summary>
    public SimActor World { get; }

    public SimTrace Trace { get; } = new(capacity: 100);

    /// <summary>The first thing that went wrong, or null.</summary>
    public SimFailure? Failure { get; private set; }

    /// <summary>An independent stream of random numbers.</summary>
    public SimRandom Stream(string label) => new(Seed, label);

    /// <summary>Runs <paramref name="body"/> after a delay, as <paramref name="actor"/>, unless the actor is dead by then.</summary>
    public SimEvent Schedule(SimActor actor, TimeSpan delay, string kind, Action body) =>
        Enqueue(new SimEvent(actor, kind, body, callback: null, state: null), delay);

    public void Post(SimActor actor, SendOrPostCallback callback, object? state)
    {
        var posted = new SimEvent(actor, "continue", body: null, callback, state);
        if (Environment.CurrentManagedThreadId == _thread)
        {
            Enqueue(posted, TimeSpan.Zero);
            return;
        }
        _escapes.Enqueue($"{actor.Name}: {posted.Describe()}");
        _escaped = true;
    }

    /// <summary>Completes after the given time, in the caller's actor.</summary>
    public Task Delay(TimeSpan delay, string kind = "delay", CancellationToken cancellationToken = default)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var pending = Schedule(World, delay, kind, () => done.TrySetResult());
        if (cancellationToken.CanBeCanceled)
        {
            cancellationToken.Register(() =>
            {
                pending.Cancel();
                done.TrySetCanceled(cancellationToken);
            });
        }
        return done.Task;
    }

    /// <summary>Puts something that matters into the trace.</summary>
    public void Record(string actor, string kind, string detail) =>
        Trace.Add(Step, Now, actor, kind, SimTrace.HashOf(detail), detail);

    /// <summary>Puts bytes that crossed a border into the trace.</summary>
    public void Record(string actor, string kind, ReadOnlySpan<byte> payload) =>
        Trace.Add(Step, Now, actor, kind, SimTrace.HashOf(payload), detail: null);

    /// <summary>Ends the run as failed. Only the first failure counts.</summary>
    public void Fail(string checker, string message) =>
        Failure ??= new SimFailure(checker, message, Step, new TimeSpan(Now), Trace.Describe());

    /// <summary>Runs until <paramref name="body"/> has ended, something failed, or a limit is reached.</summary>
    public void Run(Func<Task> body, TimeSpan limit, long stepLimit)
    {
        var outer = SynchronizationContext.Current;
        try
        {
            Task? main = null;
            Schedule(World, TimeSpan.Zero, "start", () => main = body());
            while (Failure is null && main is not { IsCompleted: true })
            {
                if (!RunNext())
                    FailIdle();
                else if (Now > limit.Ticks)
                    Fail("C-LIVE", $"The run did not end within {limit} of virtual time.");
                else if (Step > stepLimit)
                    Fail("C-LIVE", $"The run did not end within {stepLimit} steps: something is spinning.");
            }
            if (main is { IsFaulted: true })
                Fail("UNHANDLED", main.Exception.ToString());
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(outer);
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Whatever a step throws is the finding.")]
    private bool RunNext()
    {
        if (_escaped)
            FailEscape();
        if (!_queue.TryDequeue(out var next, out var turn))
            return false;
        if (next.IsCancelled || !next.Actor.IsAlive)
            return true;
        if (turn.Time < next.Actor.StillUntil)
        {
            _queue.Enqueue(next, turn with { Time = next.Actor.StillUntil });
            return true;
        }
        Now = turn.Time;
        Step++;
        Trace.Add(Step, Now, next.Actor.Name, next.Kind, payload: 0, detail: null);
        SynchronizationContext.SetSynchronizationContext(next.Actor);
        try
        {
            next.Run();
            if (next.Actor.IsAlive)
                next.Actor.AfterStep?.Invoke();
        }
        catch (Exception exception)
        {
            Fail("UNHANDLED", $"{next.Actor.Name}, {next.Describe()}: {exception}");
        }
        return true;
    }

    private SimEvent Enqueue(SimEvent added, TimeSpan delay)
    {
        _queue.Enqueue(added, new Turn(Now + Math.Max(0, delay.Ticks), _schedule.NextUInt64(), _sequence++));
        return added;
    }

    private void FailIdle()
    {
        // Work that escaped to the thread pool looks like a deadlock for the moment it takes to come back.
        SpinWait.SpinUntil(() => _escaped, TimeSpan.FromSeconds(2));
        if (_escaped)
            FailEscape();
        else
            Fail("C-LIVE", "Nothing is left to do and the run has not ended: everybody waits for somebody.");
    }

    private void FailEscape()
    {
        _escapes.TryPeek(out var first);
        Fail("DETERMINISM", $"A step ran outside the simulation's thread and came back as {first}.");
    }

    private readonly record struct Turn(long Time, ulong Tie, long Sequence) : IComparable<Turn>
    {
        public int CompareTo(Turn other)
        {
            var byTime = Time.CompareTo(other.Time);
            if (byTime != 0)
                return byTime;
            var byTie = Tie.CompareTo(other.Tie);
            return byTie != 0 ? byTie : Sequence.CompareTo(other.Sequence);
        }
    }
}

/// <summary>The first violation of a run.</summary>
internal sealed record SimFailure(string Checker, string Message, long Step, TimeSpan Time, string Events);
