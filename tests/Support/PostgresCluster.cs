using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Npgsql;
using Xunit;

namespace TopGun.Buckets.Tests.Support;

/// <summary>What a cluster is started with.</summary>
public sealed record PostgresClusterOptions
{
    /// <summary>Settings for <c>postgresql.conf</c>, over the ones every test cluster has.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Whether commits wait for the disk. Off by default: killing the server's processes loses nothing that the operating system has.
    /// </summary>
    public bool Fsync { get; init; }

    /// <summary>Major version of the server; by default the one of this machine.</summary>
    public int? Version { get; init; }
}

/// <summary>How a server is ended.</summary>
public enum PostgresStop
{
    /// <summary>Sessions are cut off, walsenders are given their last WAL, a checkpoint is written.</summary>
    Fast,

    /// <summary>No checkpoint: the next start recovers.</summary>
    Immediate,

    /// <summary>SIGKILL to the postmaster.</summary>
    Kill,
}

/// <summary>A Postgres server of our own in a temporary folder, with logical decoding on. It never outlives this process.</summary>
/// <remarks>
/// The server is the child of a small shell that waits for a line on a pipe from this process. However this process ends, the pipe ends with it, and the
/// shell ends the server and removes its folder.
/// </remarks>
public sealed class PostgresCluster : IAsyncDisposable
{
    private const string Watchdog =
        """
        "$1" -D "$2/data" >>"$2/log" 2>&1 </dev/null &
        server=$!
        echo "$server"
        remove=
        read -r signal || { signal=QUIT; remove=1; }
        kill -"$signal" "$server" 2>/dev/null
        wait "$server" 2>/dev/null
        if [ -n "$remove" ]; then rm -rf "$2"; fi
        """;

    private static readonly Lazy<Task<PostgresCluster>> SharedCluster = new(() => StartAsync());
    private static readonly ConcurrentDictionary<int, Lazy<Task<PostgresCluster>>> SharedClusters = [];

    private readonly PostgresBinaries _binaries;
    private readonly string _folder;
    private Process? _watchdog;

    private PostgresCluster(PostgresBinaries binaries, string folder, int port)
    {
        _binaries = binaries;
        _folder = folder;
        Port = port;
    }

    /// <summary>Port on 127.0.0.1, and part of the name of the Unix socket.</summary>
    public int Port { get; }

    /// <summary>Folder of the Unix socket.</summary>
    public string SocketFolder => _folder;

    /// <summary>Process id of the postmaster while it runs.</summary>
    public int? ProcessId { get; private set; }

    /// <summary>What the server wrote to its log.</summary>
    public string Log => File.Exists(Path.Combine(_folder, "log")) ? File.ReadAllText(Path.Combine(_folder, "log")) : "";

    /// <summary>A cluster that all tests of this process share; <see cref="PostgresDatabase.CreateAsync(PostgresCluster?)"/> uses it.</summary>
    public static Task<PostgresCluster> GetSharedAsync()
    {
        SkipWithoutBinaries(version: null);
        return SharedCluster.Value;
    }

    /// <summary>A cluster of a version that all tests of this process share. Skips the running test, with the remedy, when there are no programs of it.</summary>
    public static Task<PostgresCluster> GetSharedAsync(int version)
    {
        SkipWithoutBinaries(version);
        return SharedClusters.GetOrAdd(
            version, static one => new Lazy<Task<PostgresCluster>>(() => StartAsync(new PostgresClusterOptions { Version = one }))).Value;
    }

    /// <summary>Creates and starts a cluster. Skips the running test, with the remedy, when this machine has no server programs.</summary>
    public static async Task<PostgresCluster> StartAsync(
        PostgresClusterOptions? options = null, CancellationToken cancellationToken = default)
    {
        var binaries = SkipWithoutBinaries(options?.Version);
        var folder = binaries.CreateFolder();
        var cluster = new PostgresCluster(binaries, folder, FreePort.Next());
        try
        {
            await Task.Run(
                () => PostgresBinaries.Run(binaries.Command(
                    binaries["initdb"],
                    "-D", $"{folder}/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8", "-N")),
                cancellationToken);
            cluster.Configure(Defaults(cluster, options ?? new PostgresClusterOptions()));
            await cluster.StartAsync(cancellationToken);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Keywords to connect to a database of this cluster as superuser over TCP.</summary>
    public string ConnectionString(string database = "postgres") => string.Create(
        CultureInfo.InvariantCulture, $"Host=127.0.0.1;Port={Port};Username=postgres;Database={database}");

    /// <summary>Appends settings to <c>postgresql.conf</c>; the next start or reload uses them.</summary>
    public void Configure(IEnumerable<KeyValuePair<string, string>> settings) => File.AppendAllLines(
        $"{_folder}/data/postgresql.conf", settings.Select(setting => $"{setting.Key} = '{setting.Value}'"));

    /// <summary>Writes a file into the folder of the data, readable for the server alone, as it wants its keys.</summary>
    public void Install(string name, string content)
    {
        var path = $"{_folder}/data/{name}";
        File.WriteAllText(path, content);
        PostgresBinaries.Run(new ProcessStartInfo("chmod", ["600", path]));
        _binaries.GiveToServer(path);
    }

    /// <summary>Says who may connect how, in lines of <c>pg_hba.conf</c>, beside the superuser over IPv4; the next start or reload uses them.</summary>
    public void Admit(params string[] lines) => File.WriteAllLines(
        $"{_folder}/data/pg_hba.conf",
        ["host all postgres 127.0.0.1/32 trust", "host replication postgres 127.0.0.1/32 trust", .. lines]);

    /// <summary>
    /// Copies the stopped server as a base backup would, without its slots, to be started in its place as a standby that waits for a primary which it
    /// never reaches.
    /// </summary>
    /// <param name="port">Port of the copy; that of the original if it is to stand in for it.</param>
    public PostgresCluster CopyAsStandby(int? port = null)
    {
        if (_watchdog is not null)
            throw new InvalidOperationException("Only a stopped server can be copied.");
        var copy = new PostgresCluster(_binaries, _binaries.CreateFolder(), port ?? Port);
        PostgresBinaries.Run(_binaries.Command("cp", "-a", $"{_folder}/data", $"{copy._folder}/data"));
        foreach (var slot in Directory.GetDirectories($"{copy._folder}/data/pg_replslot"))
            Directory.Delete(slot, recursive: true);
        copy.Install("standby.signal", "");
        copy.Configure(
        [
            new("unix_socket_directories", copy._folder),
            new("port", copy.Port.ToString(CultureInfo.InvariantCulture)),
        ]);
        return copy;
    }

    /// <summary>Makes a standby the primary, on a timeline of its own.</summary>
    public async Task PromoteAsync()
    {
        await using var connection = new NpgsqlConnection(ConnectionString() + ";Pooling=false");
        await connection.OpenAsync();
        await using var promote = new NpgsqlCommand("SELECT pg_promote()", connection);
        Assert.Equal(true, await promote.ExecuteScalarAsync());
    }

    /// <summary>Starts the stopped server and waits until it takes connections.</summary>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        // A killed postmaster's children may need a moment to notice; until then the new one refuses their shared memory.
        var started = Stopwatch.GetTimestamp();
        while (true)
        {
            await LaunchAsync();
            if (await BecomesReadyAsync(started, cancellationToken))
                return;
            await StopAsync(PostgresStop.Kill);
            if (Stopwatch.GetElapsedTime(started) > Patience.Limit)
                throw new InvalidOperationException($"Postgres did not start: {Log}");
        }
    }

    /// <summary>Ends the server and waits until its processes are gone.</summary>
    public async Task StopAsync(PostgresStop how = PostgresStop.Fast)
    {
        if (_watchdog is null)
            return;
        var signal = how switch { PostgresStop.Fast => "INT", PostgresStop.Immediate => "QUIT", _ => "KILL" };
        await _watchdog.StandardInput.WriteLineAsync(signal);
        await _watchdog.StandardInput.FlushAsync();
        await _watchdog.WaitForExitAsync();
        _watchdog.Dispose();
        _watchdog = null;
        ProcessId = null;
    }

    /// <summary>Stops the server at once and removes everything it had.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(PostgresStop.Immediate);
        if (Directory.Exists(_folder))
            Directory.Delete(_folder, recursive: true);
    }

    private static Dictionary<string, string> Defaults(PostgresCluster cluster, PostgresClusterOptions options)
    {
        var settings = new Dictionary<string, string>
        {
            ["listen_addresses"] = "127.0.0.1",
            ["port"] = cluster.Port.ToString(CultureInfo.InvariantCulture),
            ["unix_socket_directories"] = cluster._folder,
            ["wal_level"] = "logical",
            ["max_replication_slots"] = "50",
            ["max_wal_senders"] = "50",
            ["max_connections"] = "150",
            ["shared_buffers"] = "32MB",
            ["max_wal_size"] = "512MB",
            ["fsync"] = options.Fsync ? "on" : "off",
            ["full_page_writes"] = options.Fsync ? "on" : "off",
        };
        foreach (var (name, value) in options.Settings)
            settings[name] = value;
        return settings;
    }

    private async Task LaunchAsync()
    {
        var command = _binaries.Command("/bin/sh", "-c", Watchdog, "watchdog", _binaries["postgres"], _folder);
        command.RedirectStandardInput = true;
        command.RedirectStandardOutput = true;
        _watchdog = Process.Start(command) ?? throw new InvalidOperationException("/bin/sh did not start.");
        var line = await _watchdog.StandardOutput.ReadLineAsync();
        ProcessId = int.Parse(line ?? "", CultureInfo.InvariantCulture);
    }

    private async Task<bool> BecomesReadyAsync(long started, CancellationToken cancellationToken)
    {
        while (Stopwatch.GetElapsedTime(started) < Patience.Limit && IsRunning())
        {
            try
            {
                await using var connection = new NpgsqlConnection(ConnectionString() + ";Pooling=false;Timeout=5");
                await connection.OpenAsync(cancellationToken);
                return true;
            }
            catch (NpgsqlException)
            {
                await Task.Delay(20, cancellationToken); // starting up or recovering
            }
        }
        return false;
    }

    private bool IsRunning()
    {
        // A server that gave up stays a zombie of its shell until the shell is told to end.
        try
        {
            var status = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{ProcessId}/stat"));
            return status[(status.LastIndexOf(')') + 2)..][0] != 'Z';
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static PostgresBinaries SkipWithoutBinaries(int? version)
    {
        var binaries = version is null ? PostgresBinaries.Local : PostgresBinaries.OfVersion(version.Value);
        if (binaries is null)
        {
            Assert.Skip(version is null
                ? "This test needs the Postgres server programs, and as root an account 'postgres': apt-get install postgresql."
                : $"There are no server programs of Postgres {version}: run tests/run, which fetches them with npm.");
        }
        return binaries;
    }
}
