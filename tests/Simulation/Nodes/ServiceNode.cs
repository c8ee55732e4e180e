using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Client;
using TopGun.Buckets.Grid;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;
using TopGun.Buckets.Streaming;
using TopGun.Buckets.Streaming.Encodings;
using TopGun.Buckets.Streaming.Http;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Simulation.Loop;
using TopGun.Buckets.Tests.Simulation.Net;
using TopGun.Buckets.Tests.Simulation.Store;

namespace TopGun.Buckets.Tests.Simulation.Nodes;

/// <summary>The service: the real rooms, wired as the host wires them, through crashes.</summary>
internal sealed class ServiceNode(World world)
{
    private static readonly TimeSpan TokenGrace = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestSteps = TimeSpan.FromSeconds(2);

    private readonly List<SimLink> _links = [];
    private readonly List<TaskCompletionSource<ulong>> _answers = [];
    private readonly SimRandom _random = world.Loop.Stream("service");
    private readonly ServiceShape _shape = ServiceShape.Of(world.Loop.Stream("service shape"));
    private SimActor? _actor;
    private SimStore? _store;
    private Serving? _serving;
    private int _life;

    /// <summary>Whether clients are let in.</summary>
    public bool IsServing => _actor is { IsAlive: true } && _serving is not null;

    public void EnsureStarted()
    {
        if (_actor is { IsAlive: true })
            return;
        _life++;
        world.Loop.Record("service", "start", $"life {_life}");
        var actor = _actor = new SimActor(world.Loop, "service");
        actor.Start("live", () => LiveAsync(actor));
    }

    /// <summary>The process dies: everything in memory is gone, the store keeps what was durable.</summary>
    public void Crash()
    {
        if (_actor is not { IsAlive: true })
            return;
        world.Counts.ServiceCrashes++;
        if (world.IsAheadOfDisk)
            world.Counts.CrashesBeforeDurable++;
        world.Loop.Record("service", "crash", $"life {_life}, shown {world.History.LastOpId}, durable {world.Disk.LastOpId}");
        Die();
    }

    /// <summary>Completes when the process has made so many steps more, or has had a while for them.</summary>
    public Task StepsAsync(int steps)
    {
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Loop.Schedule(world.Loop.World, LongestSteps, "steps", () => done.TrySetResult());
        if (_actor is { } actor)
        {
            actor.AfterStep = () =>
            {
                if (--steps == 0)
                    done.TrySetResult();
            };
        }
        return done.Task;
    }

    public void Pause(TimeSpan length) => _actor?.Pause(length);

    private void CrashForAWhile()
    {
        Crash();
        world.Loop.Schedule(world.Loop.World, _random.LogBetween(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(2)), "supervisor", EnsureStarted);
    }

    /// <summary>Compacts whatever there is to compact.</summary>
    public void Compact()
    {
        if (_serving is { } serving)
            _actor!.Start("compact", () => serving.Log.CompactAsync(CancellationToken.None).AsTask());
    }

    /// <summary>Has a table read again.</summary>
    public void ReadAgain(string table)
    {
        if (_serving is { } serving)
            serving.Changes.ReadAgain(new TablePattern("public", table), "is read again");
    }

    /// <summary>Has other rules built and brought into force.</summary>
    public void Deploy(string rules)
    {
        if (_serving is { } serving)
            _actor!.Start("deploy", () => DeployAsync(serving, rules));
    }

    /// <summary>A client has connected.</summary>
    public void Accept(string user, byte[] request, SimLink link)
    {
        if (_serving is not { } serving)
        {
            link.Cut();
            return;
        }
        _links.Add(link);
        _actor!.Start("session", () => ServeAsync(serving, _actor, user, request, link));
    }

    /// <summary>A client asks for a write checkpoint.</summary>
    public TaskCompletionSource<ulong> RequestWriteCheckpoint(string user, string clientId)
    {
        var answer = new TaskCompletionSource<ulong>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (_serving is not { } serving)
        {
            answer.SetException(new TransportException("The sync service refused the connection."));
            return answer;
        }
        _answers.Add(answer);
        _actor!.Start("write-checkpoint", () => AnswerAsync(serving, $"{user}/{clientId}", answer));
        return answer;
    }

    /// <summary>Runs the service. What it cannot mend itself ends the process, and the supervisor starts it again.</summary>
    private async Task LiveAsync(SimActor actor)
    {
        try
        {
            await RunAsync(actor);
        }
        catch (BucketsException failure)
        {
            world.Loop.Record("service", "exit", $"{failure.Code} {failure.Message}");
            Die();
            world.Loop.Schedule(world.Loop.World, TimeSpan.FromMilliseconds(200), "supervisor", EnsureStarted);
        }
    }

    private void Die()
    {
        _actor!.Kill();
        _serving = null;
        _store?.Crash();
        _store = null;
        world.Source.CutConnections();
        Disconnect();
    }

    private async Task RunAsync(SimActor actor)
    {
        var random = new SimSystemRandom(world.Loop.Stream(string.Create(CultureInfo.InvariantCulture, $"service life {_life} at {world.Loop.Now}")));
        var store = _store = new SimStore(world.Loop, world.Disk, world.StoreFaults);
        await store.OpenAsync(CancellationToken.None);
        IColdStorage storage = Mutants.Wrap(world.Scenario.Mutant, store, _life);

        var rules = await LogRules.OpenAsync(storage, world.Application.RulesForms[0], Compile, actor.Time.GetUtcNow(), CancellationToken.None);
        var faults = new SimFaultPoints(world, "service", _life, CrashForAWhile);
        var grid = new BucketGrid(_shape.Grid, actor.Time) { Faults = faults };
        var monitor = new ReplicationMonitor(actor.Time);
        var source = Mutants.Wrap(world.Scenario.Mutant, world.Source);
        var options = new ChangeSourceOptions { Tables = rules.Tables, SnapshotChunkRows = _shape.SnapshotChunkRows };
        var changes = Mutants.Wrap(
            world.Scenario.Mutant,
            new ChangeSource(source, options, monitor, actor.Time, random, NullLogger<ChangeSource>.Instance));
        var log = new BucketLogWriter(
            storage,
            rules,
            new ObservedGrid(world.History, world.Disk, Mutants.Wrap(world.Scenario.Mutant, grid)),
            new LogSource(changes.Acknowledge, new MissingRows(source, monitor, actor.Time))
            {
                AskPosition = new SourcePosition(source, monitor, actor.Time, NullLogger<SourcePosition>.Instance).AskAsync,
                Follow = changes.Follow,
            },
            _shape.Log,
            new BucketLogEnvironment(actor.Time, random, NullLogger<BucketLogWriter>.Instance) { Faults = faults });

        var start = await log.OpenAsync(CancellationToken.None);
        var stop = new CancellationTokenSource();
        var watch = StopWithLogAsync(log, stop);
        var markers = new WriteCheckpoints(source, monitor, actor.Time, NullLogger<WriteCheckpoints>.Instance);
        var checkpoints = Mutants.Wrap(world.Scenario.Mutant, new StoredWriteCheckpoints(markers, storage.GetAsync, actor.Time));
        _serving = new Serving(changes, log, grid, new ServedRules(rules), checkpoints, _shape.Session with { Faults = faults });
        try
        {
            await new LogFeed(log, actor.Time).RunAsync(
                WatchAsync(changes.ReadAsync(start.State, start.Position, start.Begun, stop.Token)), taking: null, stop.Token);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            await watch;
        }
    }

    private async IAsyncEnumerable<SourceEvent> WatchAsync(IAsyncEnumerable<SourceEvent> changes)
    {
        await foreach (var change in changes)
        {
            yield return change;
            if (change is ContinuityLost or FailedOver)
                world.History.OnContinuityLost(world.Disk); // the log has taken it in
        }
    }

    /// <summary>A log that stops while nothing is appended has to be noticed as well.</summary>
    private static async Task StopWithLogAsync(BucketLogWriter log, CancellationTokenSource stop)
    {
        try
        {
            await log.Completion;
        }
        catch (BucketsException)
        {
            stop.Cancel();
            throw;
        }
    }

    private async Task ServeAsync(Serving serving, SimActor actor, string user, byte[] body, SimLink link)
    {
        try
        {
            if (world.Scenario.Mutant == Mutant.OthersRows)
                user = "user-0";
            var request = SyncRequestParser.Parse(body, clientIdInQuery: null);
            world.Loop.Schedule(actor, _shape.TokenLifetime + TokenGrace, "token", () => RequireEnded(actor, link));
            using var token = JsonDocument.Parse($$"""{"sub":"{{user}}"}""");
            var session = new SyncSession(
                request,
                Mutants.Wrap(world.Scenario.Mutant, new SyncUser(user, token.RootElement.Clone(), actor.Time.GetUtcNow() + _shape.TokenLifetime)),
                serving.Grid,
                serving.Rules,
                Mutants.Wrap(world.Scenario.Mutant, new NdjsonEncoding(request.RawData)),
                serving.Session,
                actor.Time);
            await session.RunAsync(new PipeLineOutput(link.Writer), beginResponse: null, link.Aborted);
        }
        catch (OperationCanceledException)
        {
            // The client left.
        }
        catch (BucketsException failure)
        {
            world.Loop.Record("service", "session-end", $"{failure.Code} {failure.Message}");
        }
        finally
        {
            _links.Remove(link);
            await link.Writer.CompleteAsync();
        }
    }

    /// <summary>C-AUTH: no stream outlives its token, but for the time in which the service stood still.</summary>
    private void RequireEnded(SimActor actor, SimLink link)
    {
        if (world.Loop.Now < actor.StillUntil + TokenGrace.Ticks)
            world.Loop.Schedule(actor, TokenGrace, "token", () => RequireEnded(actor, link));
        else if (_links.Contains(link) && !link.IsCut)
            world.Loop.Fail("C-AUTH", "A stream goes on although its token has ended.");
    }

    private async Task DeployAsync(Serving serving, string rules)
    {
        try
        {
            await serving.Log.DeployAsync(new DeployRequest(rules, IsFile: false, world.Source.LastCommit));
        }
        catch (LogStoppedException failure)
        {
            world.Loop.Record("service", "deploy-end", $"{failure.Code} {failure.Message}");
        }
    }

    private async Task AnswerAsync(Serving serving, string userKey, TaskCompletionSource<ulong> answer)
    {
        try
        {
            answer.TrySetResult(await serving.WriteCheckpoints.RequestAsync(userKey, requestedId: null, CancellationToken.None));
        }
        catch (BucketsException failure)
        {
            answer.TrySetException(new TransportException($"The sync service answered 503 ({failure.Code}).", cause: failure));
        }
        finally
        {
            _answers.Remove(answer);
        }
    }

    private void Disconnect()
    {
        foreach (var link in _links)
            link.Cut(serviceDied: true);
        _links.Clear();
        foreach (var answer in _answers)
            answer.TrySetException(new TransportException("The connection to the sync service was lost."));
        _answers.Clear();
    }

    private static RuleSet? Compile(string text, IReadOnlyDictionary<string, int> versions, IReadOnlyDictionary<string, int> indexVersions) =>
        RuleSet.Parse(text, new RuleSetOptions { Versions = versions, IndexVersions = indexVersions }).Rules;

    private sealed class ServedRules(LogRules rules) : IActiveRules
    {
        public RuleSet? Current => rules.Active.Rules;

        public RuleSet Find(int number) => rules.Find(number)!.Rules;
    }

    private sealed record Serving(
        IChangeSource Changes, BucketLogWriter Log, BucketGrid Grid, IActiveRules Rules, IWriteCheckpoints WriteCheckpoints, SessionSettings Session);
}
