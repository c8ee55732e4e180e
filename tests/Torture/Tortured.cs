using System.Diagnostics;
using System.Globalization;
using Npgsql;
using TopGun.Buckets.Tests.Support;
using TopGun.Buckets.Tests.Torture.Checks;

namespace TopGun.Buckets.Tests.Torture;

/// <summary>Everything that is tortured: Postgres, the service, the backend and the devices, each in processes of their own, and what lies between.</summary>
internal sealed class Tortured : IAsyncDisposable
{
    private const int EndedBySystem = 128 + 15; // SIGTERM

    private readonly Findings _findings;
    private readonly string _folder = Directory.CreateTempSubdirectory("topgun-torture-").FullName;
    private readonly Link _sourceLink;
    private int _rules;
    private int _launchedAt;

    private Tortured(PostgresCluster cluster, PostgresDatabase database, UploadBackend backend, Findings findings)
    {
        _findings = findings;
        Cluster = cluster;
        Database = database;
        Backend = backend;
        _sourceLink = new Link(cluster.Port);
        Disk = Path.Combine(_folder, "disk");
        Directory.CreateDirectory(Disk);
        HasDiskToFill = Run("mount", "-t", "tmpfs", "-o", "size=192m", "tmpfs", Disk);
        var source = new NpgsqlConnectionStringBuilder(database.ConnectionString) { Port = _sourceLink.Port };
        Service = new ServiceProcess(source.ConnectionString, TortureApp.Rules[0], ("TOPGUN_STORE_PATH", Store), ("TOPGUN_GRID_BYTES", "67108864"));
        Pooled = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(database.ConnectionString) { Pooling = true, CommandTimeout = 10 });
    }

    public PostgresCluster Cluster { get; }

    public PostgresDatabase Database { get; }

    /// <summary>Connections of those who write to the source; some of them may be from before its last restart.</summary>
    public NpgsqlDataSource Pooled { get; }

    public UploadBackend Backend { get; }

    public ServiceProcess Service { get; }

    public Link SourceLink => _sourceLink;

    public IReadOnlyList<Device> Devices { get; private set; } = [];

    /// <summary>The observer: a client at the level of protocol lines, of the first device's user.</summary>
    public ProtocolClient Observer { get; private set; } = null!;

    /// <summary>Whether the disk of the store is a small one that can be filled.</summary>
    public bool HasDiskToFill { get; }

    /// <summary>Held by whoever ends, pauses or starts the service.</summary>
    public SemaphoreSlim ServiceTurn { get; } = new(1);

    /// <summary>Held by whoever ends or starts Postgres.</summary>
    public SemaphoreSlim SourceTurn { get; } = new(1);

    private string Disk { get; }

    private string Store => Path.Combine(Disk, "store");

    private string Ballast => Path.Combine(Disk, "ballast");

    public static async Task<Tortured> StartAsync(TortureOptions options, IReadOnlyList<string> sourceWriters, IReadOnlyList<string> users, Findings findings)
    {
        var cluster = await PostgresCluster.StartAsync();
        var database = await PostgresDatabase.CreateAsync(cluster);
        string[] devices = [.. Enumerable.Range(0, options.Clients).Select(number => string.Create(CultureInfo.InvariantCulture, $"device-{number}"))];
        await database.ExecuteAsync(TortureApp.Schema([.. devices, .. sourceWriters], users));
        var tortured = new Tortured(cluster, database, await UploadBackend.StartAsync(database.ConnectionString), findings);
        try
        {
            await tortured.Service.StartAsync();
            tortured.Observer = new ProtocolClient(tortured.Service.Url, users[0]).Start();
            tortured.Devices = [.. devices.Select((name, number) => new Device(
                name, users[number % users.Count], tortured._folder, new Link(tortured.Service.Url.Port), tortured.Backend.Url, findings))];
            await Task.WhenAll(tortured.Devices.Select(device => device.StartAsync()));
            return tortured;
        }
        catch
        {
            await tortured.DisposeAsync();
            throw;
        }
    }

    /// <summary>Asks the service to end, and waits until it has.</summary>
    public async Task StopServiceAsync()
    {
        var exitCode = await Service.StopAsync();
        // Before the program has come as far as to take signals, the system ends it; then it has done nothing, and said nothing.
        var isUnborn = exitCode == EndedBySystem && Service.Log[_launchedAt..].Trim() is "" or "Terminated";
        CrashChecker.RequireEndedWell("The service", isUnborn ? 0 : exitCode, Service.Log, _findings);
    }

    /// <summary>Starts the service without waiting for anything.</summary>
    public void LaunchService()
    {
        _launchedAt = Service.Log.Length;
        Service.Launch();
    }

    /// <summary>Looks at the service, unless somebody is about to end or to start it: whether it is there, and how large it is.</summary>
    public async Task WatchServiceAsync(ResourceChecker resources)
    {
        if (!await ServiceTurn.WaitAsync(TimeSpan.Zero))
            return;
        try
        {
            CrashChecker.RequireRunning("The service", Service.HasExited, Service.Log, _findings);
            if (ProcessSize.Of(await Service.ProcessIdAsync()) is { } size)
                resources.Observe("The service", size);
        }
        finally
        {
            ServiceTurn.Release();
        }
    }

    /// <summary>Compacts the store of the stopped service.</summary>
    public async Task CompactAsync()
    {
        await using var process = SupervisedProcess.Start("topgun", ["compact", "--store-path", Store], []);
        CrashChecker.RequireEndedWell("topgun compact", await process.WaitForExitAsync(), process.Output, _findings);
    }

    /// <summary>Deploys other rules, under which everybody has the same rows.</summary>
    public void DeployRules()
    {
        // In one step, as editors and deployments do.
        var next = Path.Combine(_folder, "next.yaml");
        File.WriteAllText(next, TortureApp.Rules[++_rules % TortureApp.Rules.Length]);
        File.Move(next, Service.RulesPath, overwrite: true);
    }

    public void FillDisk()
    {
        using var file = File.Create(Ballast);
        var block = new byte[1 << 16];
        try
        {
            while (true)
            {
                file.Write(block);
                file.Flush(flushToDisk: true);
            }
        }
        catch (IOException)
        {
            // Full, as it should be.
        }
    }

    public void EmptyDisk() => File.Delete(Ballast);

    /// <summary>Reads a first column of texts from Postgres.</summary>
    public async Task<List<string>> ReadAsync(string sql, params object[] parameters)
    {
        await using var command = Database.DataSource.CreateCommand(sql);
        foreach (var parameter in parameters)
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        List<string> rows = [];
        await using var reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
            rows.Add(reader.GetString(0));
        return rows;
    }

    public async ValueTask DisposeAsync()
    {
        if (Observer is not null)
            await Observer.DisposeAsync();
        foreach (var device in Devices)
            await device.DisposeAsync();
        await Service.DisposeAsync();
        await _sourceLink.DisposeAsync();
        await Backend.DisposeAsync();
        await Pooled.DisposeAsync();
        await Database.DataSource.DisposeAsync();
        await Cluster.DisposeAsync();
        if (HasDiskToFill)
            Run("umount", "-l", Disk);
        Directory.Delete(_folder, recursive: true);
        ServiceTurn.Dispose();
        SourceTurn.Dispose();
    }

    private static bool Run(string command, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(command, arguments) { RedirectStandardError = true });
            process!.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false; // no such program
        }
    }
}
