namespace TopGun.Buckets.Tests.Simulation.Loop;

/// <summary>Something that is going to happen.</summary>
internal sealed class SimEvent(SimActor actor, string kind, Action? body, SendOrPostCallback? callback, object? state)
{
    public SimActor Actor { get; } = actor;

    public string Kind { get; } = kind;

    public bool IsCancelled { get; private set; }

    public void Cancel() => IsCancelled = true;

    public void Run()
    {
        if (body is not null)
            body();
        else
            callback!(state);
    }

    /// <summary>The method that goes on, for the report: awaits post a delegate whose target is the state machine.</summary>
    public string Describe() => ((state as Delegate)?.Target ?? state)?.ToString() ?? body?.Method.Name ?? Kind;
}
