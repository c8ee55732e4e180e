using System.Globalization;
using System.Net;
using System.Net.Sockets;
using TopGun.Buckets.Replication;
using TopGun.Buckets.SyncRules;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>How the source is reached, and who it has to be.</summary>
public class ConnectionsAreGuarded
{
    [Theory]
    [InlineData("127.0.0.1", "verify-full", null)]
    [InlineData("db.example", "verify-ca", null)]
    [InlineData("db.example", "require", null)]
    [InlineData("db.example", "disable", null)]
    [InlineData("db.example", "verify-full", "sslmode=verify-ca")]
    [InlineData("another authority", "verify-ca", "sslrootcert")]
    [InlineData("expired", "verify-ca", "sslrootcert")]
    [InlineData("no TLS", "verify-full", "sslmode=disable")]
    [InlineData("no TLS", "require", "sslmode=disable")]
    public async Task A_server_has_to_prove_what_the_mode_asks_for(string certificate, string mode, string? remedy)
    {
        using var authority = new TestAuthority();
        using var another = new TestAuthority();
        await using var cluster = await StartAsync();
        if (certificate != "no TLS")
        {
            await UseAsync(cluster, certificate switch
            {
                "another authority" => another.Issue("127.0.0.1"),
                "expired" => authority.Issue("127.0.0.1", isExpired: true),
                var host => authority.Issue(host),
            });
        }
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        await using var follower = Follower.Start(Address(cluster, database, mode, authority), Follower.OptionsFor("lists"));

        if (remedy is null)
        {
            await follower.CatchUpAsync(database, "lists");
            Assert.Equal(mode != "disable", await database.ReadAsync<bool>(
                "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_replication USING (pid)"));
        }
        else
        {
            await follower.UntilAsync(() => follower.Monitor.Current.Failure?.Code == "TGB1114");
            Assert.Contains(remedy, follower.Monitor.Current.Failure!.Message, StringComparison.Ordinal);
            var finding = Assert.Single(await CheckAsync(follower.Source));
            Assert.Equal("TGB1114", finding.Code);
        }
    }

    [Fact]
    public async Task A_certificate_that_expires_is_waited_out_until_it_is_renewed()
    {
        using var authority = new TestAuthority();
        await using var cluster = await StartAsync();
        await UseAsync(cluster, authority.Issue("127.0.0.1"));
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");
        await using var follower = Follower.Start(Address(cluster, database, "verify-full", authority), Follower.OptionsFor("lists"));
        await follower.CatchUpAsync(database, "lists");

        await UseAsync(cluster, authority.Issue("127.0.0.1", isExpired: true));
        await follower.UntilAsync(() => follower.Monitor.Current.Failure?.Code == "TGB1114");
        await UseAsync(cluster, authority.Issue("127.0.0.1"));
        await database.ExecuteAsync("INSERT INTO lists VALUES (2)");

        await follower.CatchUpAsync(database, "lists");
        Assert.Equal(1, follower.State!.Epoch);
    }

    [Fact]
    public async Task A_password_is_checked_by_scram_and_a_wrong_one_refused()
    {
        await using var cluster = await StartAsync();
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await AddRoleAsync(cluster, database, "right");

        await using var wrong = new NpgsqlSource($"{RoleAddress(cluster, database)} password=wrong", "topgun");
        var finding = Assert.Single(await CheckAsync(wrong));
        await using var follower = Follower.Start($"{RoleAddress(cluster, database)} password=right", Follower.OptionsFor("lists"));
        await follower.CatchUpAsync(database, "lists");

        Assert.Equal("TGB1103", finding.Code);
        Assert.Contains("Check user and password", finding.Sentence, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong", finding.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_password_may_change_while_we_follow_server_first_and_file_second()
    {
        var file = Path.GetTempFileName();
        try
        {
            await using var cluster = await StartAsync();
            await using var database = await PostgresDatabase.CreateAsync(cluster);
            await AddRoleAsync(cluster, database, "first");
            await File.WriteAllTextAsync(file, "first\n", TestContext.Current.CancellationToken);
            await using var follower = Follower.Start(RoleAddress(cluster, database), Follower.OptionsFor("lists"), passwordFile: file);
            await follower.CatchUpAsync(database, "lists");

            await database.ExecuteAsync("ALTER ROLE app PASSWORD 'second'; SELECT pg_terminate_backend(pid) FROM pg_stat_replication");
            await follower.UntilAsync(() => follower.Monitor.Current.Failure is { Code: "TGB1101" } failure
                && failure.Message.Contains("is read again at the next attempt", StringComparison.Ordinal));
            await File.WriteAllTextAsync(file, "second", TestContext.Current.CancellationToken);
            await database.ExecuteAsync("INSERT INTO lists VALUES (2)");

            await follower.CatchUpAsync(database, "lists");
            Assert.Equal(1, follower.State!.Epoch);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_server_is_reached_over_version_6_of_the_internet_protocol()
    {
        Assert.SkipUnless(HasLoopback6(), "This machine has no ::1.");
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["listen_addresses"] = "127.0.0.1,::1" } },
            TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1)");

        await using var follower = Follower.Start(
            string.Create(CultureInfo.InvariantCulture, $"postgres://postgres@[::1]:{cluster.Port}/{database.Name}"), Follower.OptionsFor("lists"));

        await follower.CatchUpAsync(database, "lists");
        Assert.True(await database.ReadAsync<bool>("SELECT family(client_addr) = 6 FROM pg_stat_replication"));
    }

    [Fact]
    public async Task A_pooler_that_refuses_our_settings_is_named()
    {
        // What PgBouncer answers to a start packet with a parameter that it does not know.
        using var pooler = new TcpListener(IPAddress.Loopback, 0);
        pooler.Start();
        var serving = ServeAsync(pooler, "unsupported startup parameter: options");
        await using var source = new NpgsqlSource(
            $"host=127.0.0.1 port={((IPEndPoint)pooler.LocalEndpoint).Port} user=u dbname=d sslmode=disable", "topgun");

        var finding = Assert.Single(await CheckAsync(source));
        pooler.Stop();
        await serving;

        Assert.Equal("TGB1103", finding.Code);
        Assert.Contains("Poolers such as PgBouncer cannot be used: connect to the server itself.", finding.Sentence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "Poolers such as PgBouncer cannot be used")]
    [InlineData("options, extra_float_digits", "something between us and the server drops what we ask for")]
    public async Task PgBouncer_is_refused_with_a_sentence_whatever_it_lets_through(string ignored, string sentence)
    {
        Assert.SkipUnless(PgBouncer.IsInstalled, "PgBouncer is not installed: apt-get install pgbouncer.");
        await using var database = await PostgresDatabase.CreateAsync(await PostgresCluster.GetSharedAsync());
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY); ");
        await database.ExecuteAsync($"ALTER DATABASE {database.Name} SET TimeZone = 'Asia/Tokyo'");
        await using var pooler = await PgBouncer.StartAsync(await PostgresCluster.GetSharedAsync(), ignored);
        await using var source = new NpgsqlSource(
            string.Create(CultureInfo.InvariantCulture, $"host=127.0.0.1 port={pooler.Port} user=postgres dbname={database.Name}"), "topgun");

        var findings = await CheckAsync(source);

        Assert.Contains(findings, finding => finding.Severity == FindingSeverity.Error
            && $"{finding.Sentence} {finding.Remedy}".Contains(sentence, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_ends_silent_connections_keeps_ours_while_the_store_takes_nothing()
    {
        await using var cluster = await PostgresCluster.StartAsync(
            new PostgresClusterOptions { Settings = new Dictionary<string, string> { ["wal_sender_timeout"] = "4s" } }, TestContext.Current.CancellationToken);
        await using var database = await PostgresDatabase.CreateAsync(cluster);
        await database.ExecuteAsync("CREATE TABLE lists (id int PRIMARY KEY)");
        using var room = new ManualResetEventSlim(initialState: true);
        await using var follower = Follower.Start(database, Follower.OptionsFor("lists"), prepare: one => one.Before = change =>
        {
            if (change is TransactionCommitted)
                room.Wait(TestContext.Current.CancellationToken);
        });
        await follower.CatchUpAsync(database, "lists");
        var sender = await database.ReadAsync<int>("SELECT pid FROM pg_stat_replication");
        room.Reset();
        await database.ExecuteAsync("INSERT INTO lists SELECT i FROM generate_series(1, 1000) i");

        // By the server's clock: three times as long as it waits for a sign of life.
        await database.ExecuteAsync("DO $$ BEGIN PERFORM pg_sleep(12); END $$");
        room.Set();

        await follower.CatchUpAsync(database, "lists");
        Assert.Equal(sender, await database.ReadAsync<int>("SELECT pid FROM pg_stat_replication"));
    }

    private static Task<PostgresCluster> StartAsync() => PostgresCluster.StartAsync(cancellationToken: TestContext.Current.CancellationToken);

    /// <summary>Gives the server a certificate, for every connection from now on.</summary>
    private static async Task UseAsync(PostgresCluster cluster, (string Certificate, string Key) issued)
    {
        cluster.Install("server.crt", issued.Certificate);
        cluster.Install("server.key", issued.Key);
        cluster.Configure([new("ssl", "on")]);
        await using var server = Npgsql.NpgsqlDataSource.Create(cluster.ConnectionString() + ";Pooling=false;SSL Mode=Disable");
        await using var reload = server.CreateCommand("SELECT pg_reload_conf(), pg_terminate_backend(pid) FROM pg_stat_replication UNION ALL SELECT pg_reload_conf(), true");
        await reload.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
    }

    private static string Address(PostgresCluster cluster, PostgresDatabase database, string mode, TestAuthority authority) => string.Create(
        CultureInfo.InvariantCulture,
        $"postgres://postgres@127.0.0.1:{cluster.Port}/{database.Name}?sslmode={mode}{(mode.StartsWith('v') ? $"&sslrootcert={authority.RootFile}" : "")}");

    private static async Task AddRoleAsync(PostgresCluster cluster, PostgresDatabase database, string password)
    {
        cluster.Admit("host all app 127.0.0.1/32 scram-sha-256");
        await database.ExecuteAsync(
            "CREATE TABLE lists (id int PRIMARY KEY); INSERT INTO lists VALUES (1); CREATE PUBLICATION topgun FOR TABLE lists;"
            + $"SET password_encryption = 'scram-sha-256'; CREATE ROLE app LOGIN REPLICATION PASSWORD '{password}'; GRANT SELECT ON lists TO app");
        await database.ExecuteAsync("SELECT pg_reload_conf()");
    }

    private static string RoleAddress(PostgresCluster cluster, PostgresDatabase database) => string.Create(
        CultureInfo.InvariantCulture, $"host=127.0.0.1 port={cluster.Port} user=app dbname={database.Name}");

    private static Task<IReadOnlyList<DoctorFinding>> CheckAsync(ISource source) =>
        SourceDoctor.CheckAsync(source, "topgun", [new TablePattern("public", "lists")], cancellationToken: TestContext.Current.CancellationToken);

    private static bool HasLoopback6()
    {
        try
        {
            using var listener = new TcpListener(IPAddress.IPv6Loopback, 0);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>Answers every start packet with the same error until it is stopped.</summary>
    private static async Task ServeAsync(TcpListener listener, string message)
    {
        try
        {
            while (true)
            {
                using var client = await listener.AcceptTcpClientAsync(TestContext.Current.CancellationToken);
                var stream = client.GetStream();
                var length = new byte[4];
                await stream.ReadExactlyAsync(length, TestContext.Current.CancellationToken);
                await stream.ReadExactlyAsync(new byte[System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(length) - 4], TestContext.Current.CancellationToken);
                await stream.WriteAsync(ErrorResponse(message), TestContext.Current.CancellationToken);
            }
        }
        catch (Exception stopped) when (stopped is SocketException or IOException)
        {
            // As it was asked to.
        }
    }

    private static byte[] ErrorResponse(string message)
    {
        var body = System.Text.Encoding.UTF8.GetBytes($"SFATAL\0VFATAL\0C08P01\0M{message}\0\0");
        var packet = new byte[body.Length + 5];
        packet[0] = (byte)'E';
        System.Buffers.Binary.BinaryPrimitives.WriteInt32BigEndian(packet.AsSpan(1), body.Length + 4);
        body.CopyTo(packet, 5);
        return packet;
    }
}
