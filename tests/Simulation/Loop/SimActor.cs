namespace TopGun.Buckets.Tests.Simulation.Loop;

/// <summary>A process of the simulated world: everything it awaits comes back through it, so killing it stops its code between two awaits.</summary>
/// <remarks>
/// After <see cref="Kill"/> no continuation, timer or posted call of the actor runs again, not even a <c>finally</c>: what a SIGKILL does.
/// </remarks>
internal sealed class SimActor(SimLoop loop, string name) : SynchronizationContext
{
    public SimLoop Loop { get; } = loop;

    public string Name { get; } = name;

    /// <summary>The actor's clock and timers.</summary>
    public TimeProvider Time => field ??= new SimTime(this);

    public bool IsAlive { get; private set; } = true;

    /// <summary>Runs after every step of the actor: what it did is looked at before anything else happens.</summary>
    public Action? AfterStep { get; set; }

    /// <summary>Until when the process stands still, in ticks of virtual time: what is due before then happens then.</summary>
    public long StillUntil { get; private set; }

    public void Kill() => IsAlive = false;

    /// <summary>The process stands still, and does not know: what SIGSTOP and SIGCONT do.</summary>
    /// <remarks>A second pause never ends the first: what waits for its end already would come after what is due later.</remarks>
    public void Pause(TimeSpan length) => StillUntil = Math.Max(StillUntil, Loop.Now + length.Ticks);

    /// <summary>Starts an asynchronous method of this actor. Its failure fails the run, unless the actor was killed.</summary>
    public void Start(string kind, Func<Task> body) => Loop.Schedule(this, TimeSpan.Zero, kind, () => Observe(body()));

    /// <summary>Runs a synchronous piece as this actor, now.</summary>
    public T Run<T>(Func<T> body)
    {
        var outer = Current;
        SetSynchronizationContext(this);
        try
        {
            return body();
        }
        finally
        {
            SetSynchronizationContext(outer);
        }
    }

    public override void Post(SendOrPostCallback d, object? state) => Loop.Post(this, d, state);

    public override void Send(SendOrPostCallback d, object? state) =>
        throw new NotSupportedException("Nothing in the simulation may block on another actor.");

    public override SynchronizationContext CreateCopy() => this;

    private async void Observe(Task task)
    {
        try
        {
            await task;
        }
        catch (OperationCanceledException)
        {
            // A normal end.
        }
        catch (Exception exception)
        {
            Loop.Fail("UNHANDLED", $"{Name} ended with {exception}");
        }
    }
}
