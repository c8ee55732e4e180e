using System.Net.Sockets;
using System.Text.Json.Nodes;
using TopGun.Buckets.Tests.Support;
using TopGun.Buckets.Tests.Torture.Checks;

namespace TopGun.Buckets.Tests.Torture;

/// <summary>The device's process is not there, or ended before it answered.</summary>
internal sealed class DeviceGoneException(string device, Exception? cause = null) : Exception($"{device} is gone.", cause);

/// <summary>One device: an unmodified client in a process of its own, over its many lives, and what it showed in them.</summary>
internal sealed class Device(string name, string user, string folder, Link service, Uri backend, Findings findings) : IAsyncDisposable
{
    private static readonly TimeSpan LongestAnswer = TimeSpan.FromMinutes(3); // with all its pauses

    private readonly SemaphoreSlim _oneQuestion = new(1);
    private readonly HistoryChecker _history = new(name, user, findings);
    private Life? _life;
    private int _lives;

    public string Name => name;

    public string User => user;

    public Link Link => service;

    /// <summary>Held by whoever ends, pauses or starts it.</summary>
    public SemaphoreSlim Turn { get; } = new(1);

    /// <summary>Number of the last of its transactions that it has shown.</summary>
    public long Committed { get; private set; }

    public async Task StartAsync()
    {
        var socket = Path.Combine(folder, FormattableString.Invariant($"{name}-{++_lives}"));
        using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        listener.Bind(new UnixDomainSocketEndPoint(socket));
        listener.Listen();
        string[] arguments =
            [Path.Combine(folder, $"{name}.db"), FormattableString.Invariant($"http://127.0.0.1:{service.Port}"), backend.ToString(), user, socket, "obey"];
        var process = SupervisedProcess.Start("client-app", arguments, []);
        using var patience = new CancellationTokenSource(Patience.Limit);
        try
        {
            var accepting = listener.AcceptAsync(patience.Token).AsTask();
            while (await Task.WhenAny(accepting, Task.Delay(200)) != accepting)
                CrashChecker.RequireRunning(name, process.HasExited, process.Output, findings);
            _life = new Life(process, new NetworkStream(await accepting, ownsSocket: true));
        }
        catch (OperationCanceledException failure)
        {
            await process.DisposeAsync();
            throw new InvalidOperationException($"{name} does not come up: {process.Output}", failure);
        }
    }

    /// <summary>Tells it to end, and waits until it has.</summary>
    public async Task StopAsync()
    {
        var life = _life!;
        life.IsEnding = true;
        await AskAsync(new JsonObject { ["do"] = "stop" });
        _life = null;
        CrashChecker.RequireEndedWell(name, await life.Process.WaitForExitAsync(), life.Process.Output, findings);
        await life.DisposeAsync();
    }

    /// <summary>Ends it without asking (SIGKILL).</summary>
    public async Task KillAsync()
    {
        var life = _life!;
        _life = null;
        await life.Process.SignalAsync("KILL");
        await life.DisposeAsync();
    }

    /// <summary>Sends a signal, such as <c>STOP</c>.</summary>
    public Task SignalAsync(string signal) => _life!.Process.SignalAsync(signal);

    /// <summary>Commits one local transaction.</summary>
    public Task WriteAsync(JsonArray statements) => AskAsync(new JsonObject { ["do"] = "execute", ["statements"] = statements });

    public Task ConnectAsync() => AskAsync(new JsonObject { ["do"] = "connect" });

    public Task DisconnectAsync() => AskAsync(new JsonObject { ["do"] = "disconnect" });

    /// <summary>Reads everything it shows, which the checkers look at.</summary>
    public async Task<ShownState> ReadAsync()
    {
        await _oneQuestion.WaitAsync();
        try
        {
            var answer = await AskLockedAsync(new JsonObject { ["do"] = "query", ["sql"] = TortureApp.ReadAll });
            var state = ShownState.Read(answer["rows"]!.AsArray().Select(row => (string)row!));
            if (state.Heads.Count > 0) // it has synchronised
                _history.Observe(state);
            Committed = Math.Max(Committed, state.Heads.GetValueOrDefault(name));
            return state;
        }
        finally
        {
            _oneQuestion.Release();
        }
    }

    public async Task<DeviceStatus> ReadStatusAsync()
    {
        var answer = await AskAsync(new JsonObject { ["do"] = "status" });
        return new DeviceStatus((string)answer["state"]!, (long)answer["pending"]!, (string)answer["blocked"]!, (string?)answer["error"]);
    }

    /// <summary>Looks at the process: whether it is there, and how large it is.</summary>
    public async Task WatchAsync(ResourceChecker resources)
    {
        if (_life is not { } life)
            return;
        var hasExited = life.Process.HasExited;
        if (_life != life || life.IsEnding)
            return;
        CrashChecker.RequireRunning(name, hasExited, life.Process.Output, findings);
        if (ProcessSize.Of(await life.Process.ProcessIdAsync()) is { } size)
            resources.Observe(name, size);
    }

    public async ValueTask DisposeAsync()
    {
        if (_life is not null)
            await _life.DisposeAsync();
        await service.DisposeAsync();
        _oneQuestion.Dispose();
        Turn.Dispose();
    }

    private async Task<JsonNode> AskAsync(JsonObject request)
    {
        await _oneQuestion.WaitAsync();
        try
        {
            return await AskLockedAsync(request);
        }
        finally
        {
            _oneQuestion.Release();
        }
    }

    private async Task<JsonNode> AskLockedAsync(JsonObject request)
    {
        if (_life is not { } life)
            throw new DeviceGoneException(name);
        try
        {
            var answer = JsonNode.Parse(await life.AskAsync(request.ToJsonString()).WaitAsync(LongestAnswer) ?? throw new DeviceGoneException(name))!;
            if (answer["failed"] is { } failed)
                findings.Add(Verdict.Crash, $"{name} cannot {request["do"]}: {failed}");
            return answer;
        }
        catch (Exception failure) when (failure is IOException or ObjectDisposedException)
        {
            throw new DeviceGoneException(name, failure);
        }
        catch (TimeoutException)
        {
            findings.Add(Verdict.Crash, $"{name} does not answer '{request["do"]}' within {LongestAnswer}.");
            throw new DeviceGoneException(name);
        }
    }

    private sealed class Life(SupervisedProcess process, NetworkStream stream) : IAsyncDisposable
    {
        private readonly StreamReader _answers = new(stream);
        private readonly StreamWriter _questions = new(stream) { AutoFlush = true };

        public SupervisedProcess Process => process;

        /// <summary>It was told to end.</summary>
        public bool IsEnding { get; set; }

        public async Task<string?> AskAsync(string question)
        {
            await _questions.WriteLineAsync(question);
            return await _answers.ReadLineAsync();
        }

        public async ValueTask DisposeAsync()
        {
            await process.DisposeAsync();
            await stream.DisposeAsync();
        }
    }
}
