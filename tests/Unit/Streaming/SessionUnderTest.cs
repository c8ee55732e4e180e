using System.IO.Pipelines;
using System.Text.Json;
using TopGun.Buckets.Streaming;
using TopGun.Buckets.Streaming.Encodings;
using TopGun.Buckets.Streaming.Sessions;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Support;
using TopGun.Buckets.Tests.Unit.Grid;

namespace TopGun.Buckets.Tests.Unit.Streaming;

/// <summary>A session over a pipe, read line by line.</summary>
public sealed class SessionUnderTest : IAsyncDisposable
{
    private readonly Pipe _pipe;
    private readonly StreamReader _reader;
    private readonly CancellationTokenSource _stop = new();

    private SessionUnderTest(
        TestLog log, IActiveRules rules, SyncRequest request, SyncUser user, SessionSettings settings, TimeProvider clock, long pipeBytes, bool isTokenVoid)
    {
        _pipe = new Pipe(new PipeOptions(pauseWriterThreshold: pipeBytes, resumeWriterThreshold: pipeBytes / 2));
        _reader = new StreamReader(_pipe.Reader.AsStream());
        Session = new SyncSession(request, user, log.Grid, rules, new NdjsonEncoding(request.RawData), settings, clock);
        if (isTokenVoid)
            Session.EndToken();
        Run = RunAsync();
    }

    public SyncSession Session { get; }

    public Task Run { get; }

    public int Begun { get; private set; }

    public static SessionUnderTest Open(
        TestLog log,
        RuleSet rules,
        IReadOnlyList<BucketPosition>? buckets = null,
        IReadOnlyList<StreamSubscription>? subscriptions = null,
        bool rawData = true,
        SessionSettings? settings = null,
        TimeProvider? clock = null,
        DateTimeOffset? expiresAt = null,
        long pipeBytes = 1 << 20,
        bool includeDefaults = true,
        bool isTokenVoid = false) =>
        Open(log, new OneRuleSet(rules), buckets, subscriptions, rawData, settings, clock, expiresAt, pipeBytes, includeDefaults, isTokenVoid);

    public static SessionUnderTest Open(
        TestLog log,
        IActiveRules rules,
        IReadOnlyList<BucketPosition>? buckets = null,
        IReadOnlyList<StreamSubscription>? subscriptions = null,
        bool rawData = true,
        SessionSettings? settings = null,
        TimeProvider? clock = null,
        DateTimeOffset? expiresAt = null,
        long pipeBytes = 1 << 20,
        bool includeDefaults = true,
        bool isTokenVoid = false)
    {
        clock ??= TimeProvider.System;
        var request = new SyncRequest(
            buckets ?? [], "device", rawData, JsonDocument.Parse("{}").RootElement, includeDefaults, subscriptions ?? []);
        var user = new SyncUser("u1", JsonDocument.Parse("""{"sub":"u1"}""").RootElement, expiresAt ?? clock.GetUtcNow().AddHours(1));
        return new SessionUnderTest(log, rules, request, user, settings ?? new SessionSettings(), clock, pipeBytes, isTokenVoid);
    }

    /// <summary>The next line, or null at the end of the stream.</summary>
    public async Task<string?> NextAsync()
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        return await _reader.ReadLineAsync(deadline.Token);
    }

    /// <summary>Lines up to and with the next full completion.</summary>
    public async Task<List<string>> NextCheckpointAsync()
    {
        var lines = new List<string>();
        while (true)
        {
            var line = await NextAsync() ?? throw new InvalidOperationException($"The stream ended after: {string.Join('\n', lines)}");
            lines.Add(line);
            if (line.StartsWith("{\"checkpoint_complete\"", StringComparison.Ordinal))
                return lines;
        }
    }

    /// <summary>Waits until the session has nothing to do but to wait, so that a clock may be moved.</summary>
    public async Task IdleAsync()
    {
        using var deadline = new CancellationTokenSource(Patience.Limit);
        while (!Session.IsIdle)
            await Task.Delay(1, deadline.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _pipe.Reader.CompleteAsync();
        try
        {
            await Run.WaitAsync(Patience.Limit);
        }
        catch (OperationCanceledException)
        {
        }
        catch (SessionStalledException)
        {
        }
        _stop.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            await Session.RunAsync(
                new PipeLineOutput(_pipe.Writer),
                _ =>
                {
                    Begun++;
                    return Task.CompletedTask;
                },
                _stop.Token);
        }
        finally
        {
            await _pipe.Writer.CompleteAsync();
        }
    }
}
