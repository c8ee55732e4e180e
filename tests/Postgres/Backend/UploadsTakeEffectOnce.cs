using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;
using TopGun.Buckets.Backend;
using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Postgres.Backend;

/// <summary>The client's upload handler at one end, Postgres at the other, and the package's endpoint between them.</summary>
public sealed class UploadsTakeEffectOnce : IAsyncLifetime
{
    private readonly LostAnswers _network = new();
    private readonly HttpClient _http;
    private PostgresDatabase _database = null!;
    private WebApplication? _app;
    private Uri _address = null!;

    public UploadsTakeEffectOnce() => _http = new HttpClient(_network);

    [Fact]
    public async Task A_transaction_whose_answer_was_lost_is_sent_again_and_takes_effect_once()
    {
        await StartAsync(Uploads());
        var transaction = Transaction(1, Put("n1", """{"owner_id":"ann","body":"hello"}"""), Patch("n1", """{"body":"hello again"}"""));

        _network.Lost = 2;
        await Assert.ThrowsAsync<HttpRequestException>(() => UploadAsync(transaction));
        await Assert.ThrowsAsync<HttpRequestException>(() => UploadAsync(transaction));
        Assert.Equal([UploadOutcome.Done], await UploadAsync(transaction));

        Assert.Equal("n1 ann hello again 2", await NotesAsync()); // two statements ran, once each
    }

    [Fact]
    public async Task Copies_that_arrive_at_once_wait_for_each_other()
    {
        await StartAsync(Uploads());
        var transaction = Transaction(1, Put("n1", """{"owner_id":"ann","body":"hello"}"""));

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => UploadAsync(transaction)));

        Assert.All(outcomes, outcome => Assert.Equal([UploadOutcome.Done], outcome));
        Assert.Equal("n1 ann hello 1", await NotesAsync());
    }

    [Fact]
    public async Task A_number_that_comes_with_other_writes_is_told_from_a_repetition()
    {
        await StartAsync(Uploads());
        await UploadAsync(Transaction(7, Put("n1", """{"owner_id":"ann","body":"of the original"}""")));

        var outcomes = await UploadAsync(
            Transaction(7, Put("n2", """{"owner_id":"ann","body":"of the copy"}""")), Transaction(8, Put("n3", """{"owner_id":"ann"}""")));

        Assert.Same(UploadOutcome.NumberTaken, outcomes[0]);
        Assert.Equal(2, outcomes.Count);
        Assert.Equal("n1 ann of the original 1", await NotesAsync());
    }

    [Fact]
    public async Task A_refused_write_undoes_its_transaction_and_the_device_learns_which_it_was()
    {
        await StartAsync(Uploads());

        var transaction = Transaction(1, Put("n1", """{"owner_id":"ann"}"""), Put("n2", """{"owner_id":"bob"}"""));
        var refused = Refused(await UploadAsync(transaction));

        Assert.Equal(("n2", "forbidden"), (refused.Entry.Id, refused.Code));
        Assert.Equal("", await NotesAsync());
        Assert.Equal(0, await _database.ReadAsync<long>("SELECT count(*) FROM topgun_uploads"));
    }

    [Fact]
    public async Task Where_writes_are_refused_one_by_one_the_others_take_effect_and_a_repetition_is_told_the_same()
    {
        await StartAsync(Uploads(RefusalScope.Write));
        var transaction = Transaction(1, Put("n1", """{"owner_id":"ann"}"""), Put("n2", """{"owner_id":"bob"}"""), Put("n3", """{"owner_id":"ann","body":"a"}"""));

        for (var time = 0; time < 2; time++)
            Assert.Equal(("n2", "forbidden"), (Refused(await UploadAsync(transaction)).Entry.Id, Refused(await UploadAsync(transaction)).Code));

        Assert.Equal("n1 ann  1, n3 ann a 1", await NotesAsync());
    }

    [Theory]
    [InlineData("""{"owner_id":"ann","body":"spam"}""", "invalid", "no spam")]
    [InlineData("""{"owner_id":"ann","size":"much"}""", "22P02", "invalid input syntax")]
    [InlineData("""{"owner_id":"ann","size":-1}""", "23514", "size")]
    [InlineData("""{"owner_id":"ann","secret":1}""", "column", "secret")]
    public async Task What_is_not_right_is_refused_with_a_code_and_a_sentence(string data, string code, string reason)
    {
        await StartAsync(Uploads());

        var refused = Refused(await UploadAsync(Transaction(1, Put("n1", data))));

        Assert.Equal(code, refused.Code);
        Assert.Contains(reason, refused.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_row_is_the_users_before_and_after_or_it_is_not_written()
    {
        await StartAsync(Uploads());
        await _database.ExecuteAsync("INSERT INTO notes(id, owner_id, body) VALUES('b1', 'bob', 'his')");

        Assert.Equal("b1", Refused(await UploadAsync(Transaction(1, Patch("b1", """{"body":"mine"}""")))).Entry.Id);
        Assert.Equal("b1", Refused(await UploadAsync(Transaction(2, Put("b1", """{"owner_id":"ann"}""")))).Entry.Id);
        Assert.Equal("b1", Refused(await UploadAsync(Transaction(3, Delete("b1")))).Entry.Id);
        Assert.Equal([UploadOutcome.Done], await UploadAsync(Transaction(4, Put("a1", """{"owner_id":"ann","body":"a"}"""))));
        Assert.Equal("a1", Refused(await UploadAsync(Transaction(5, Patch("a1", """{"owner_id":"bob"}""")))).Entry.Id);
        Assert.Equal("a1 ann a 1, b1 bob his 1", await NotesAsync());
        Assert.Equal([UploadOutcome.Done, UploadOutcome.Done], await UploadAsync(Transaction(6, Delete("a1")), Transaction(7, Patch("a1", """{"body":"late"}"""))));
        Assert.Equal("b1 bob his 1", await NotesAsync()); // a change of a row that is gone is settled by its deletion
    }

    [Fact]
    public async Task An_apps_own_code_runs_inside_the_transaction()
    {
        await StartAsync(new PostgresUploads(
            _database.DataSource,
            new UploadTable("commands")
            {
                Permission = "false",
                Apply = async (scope, write, cancellationToken) =>
                {
                    await using var command = scope.Connection.CreateCommand();
                    command.CommandText = $"INSERT INTO notes(id, owner_id, body) VALUES('{write.Id}', '{scope.Transaction.UserId}', 'by command')";
                    await command.ExecuteNonQueryAsync(cancellationToken);
                    if (write.Metadata == "refuse")
                        throw new UploadRejectedException("not today", "closed");
                },
            }));

        Assert.Equal([UploadOutcome.Done], await UploadAsync(Transaction(1, Put("c1", "{}") with { Table = "commands" })));
        Assert.Equal("closed", Refused(await UploadAsync(Transaction(2, Put("c2", "{}") with { Table = "commands", Metadata = "refuse" }))).Code);
        Assert.Equal("c1 ann by command 1", await NotesAsync());
    }

    [Fact]
    public async Task While_the_tables_cannot_be_used_everything_waits_in_order()
    {
        await StartAsync(Uploads());
        await _database.ExecuteAsync("ALTER TABLE notes RENAME TO away");

        var outcomes = await UploadAsync(Transaction(1, Put("n1", """{"owner_id":"ann"}""")), Transaction(2, Put("n2", """{"owner_id":"ann"}""")));
        Assert.All(outcomes, outcome => Assert.StartsWith("RetryOutcome", outcome.ToString(), StringComparison.Ordinal));

        await _database.ExecuteAsync("ALTER TABLE away RENAME TO notes");
        outcomes = await UploadAsync(Transaction(1, Put("n1", """{"owner_id":"ann"}""")), Transaction(2, Put("n2", """{"owner_id":"ann"}""")));
        Assert.Equal([UploadOutcome.Done, UploadOutcome.Done], outcomes);
    }

    [Theory]
    [InlineData("{", HttpStatusCode.BadRequest, "TGB7002")]
    [InlineData("[]", HttpStatusCode.BadRequest, "TGB7002")]
    [InlineData("""{"client_id":"c","transactions":[{"tx":1.5,"ops":[]}]}""", HttpStatusCode.BadRequest, "TGB7002")]
    [InlineData("""{"client_id":"c","transactions":[{"tx":1,"ops":[{"op":"DROP","type":"notes","id":"n"}]}]}""", HttpStatusCode.BadRequest, "TGB7002")]
    [InlineData(null, HttpStatusCode.Unauthorized, "TGB7001")]
    public async Task What_is_no_upload_is_answered_with_a_code(string? body, HttpStatusCode status, string code)
    {
        await StartAsync(Uploads());
        using var content = new StringContent(body ?? "{}", Encoding.UTF8, "application/json");
        using var message = new HttpRequestMessage(HttpMethod.Post, _address) { Content = content };
        if (body is not null)
            message.Headers.Add("Authorization", "Bearer ann");

        using var answer = await _http.SendAsync(message, TestContext.Current.CancellationToken);

        Assert.Equal(status, answer.StatusCode);
        Assert.Contains(code, await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    public async ValueTask InitializeAsync()
    {
        _database = await PostgresDatabase.CreateAsync();
        await _database.ExecuteAsync(
            """
            CREATE TABLE notes (id text PRIMARY KEY, owner_id text NOT NULL, body text, size int CHECK (size >= 0), writes int NOT NULL DEFAULT 0);
            CREATE FUNCTION count_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.writes := coalesce(OLD.writes, 0) + 1; RETURN NEW; END $$;
            CREATE TRIGGER count_write BEFORE INSERT OR UPDATE ON notes FOR EACH ROW EXECUTE FUNCTION count_write();
            """);
    }

    public async ValueTask DisposeAsync()
    {
        if (_app is not null)
            await _app.DisposeAsync();
        _http.Dispose();
        await _database.DisposeAsync();
    }

    private PostgresUploads Uploads(RefusalScope refusal = RefusalScope.Transaction) => new(
        _database.DataSource,
        new UploadTable("notes", "owner_id", "body", "size")
        {
            Permission = "r.owner_id = @user",
            Validate = write => write.Data is { } data && data.TryGetProperty("body", out var body) && body.GetString() == "spam" ? "no spam" : null,
        })
    {
        Refusal = refusal,
    };

    private async Task StartAsync(PostgresUploads uploads)
    {
        await uploads.PrepareAsync(TestContext.Current.CancellationToken);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapTopGunUploads("/upload", uploads, http => http.Request.Headers.Authorization.ToString().Split(' ') is ["Bearer", var user] ? user : null);
        await _app.StartAsync(TestContext.Current.CancellationToken);
        _address = new Uri(new Uri(_app.Urls.Single()), "/upload");
    }

    private Task<IReadOnlyList<UploadOutcome>> UploadAsync(params UploadTransaction[] transactions) =>
        new HttpUploadHandler(_http, _address, _ => ValueTask.FromResult<string?>("ann")).UploadAsync(transactions, TestContext.Current.CancellationToken);

    /// <summary>Every row as <c>id owner body writes</c>.</summary>
    private async Task<string?> NotesAsync() => await _database.ReadAsync<string>(
        "SELECT coalesce(string_agg(concat_ws(' ', id, owner_id, coalesce(body, ''), writes), ', ' ORDER BY id), '') FROM notes");

    private static RefusedEntry Refused(IReadOnlyList<UploadOutcome> outcomes) => Assert.Single(Assert.Single(outcomes) switch
    {
        UploadOutcome.RejectOutcome outcome => outcome.Refused,
        UploadOutcome.DoneOutcome outcome => outcome.Refused,
        _ => [],
    });

    private static UploadTransaction Transaction(long number, params CrudEntry[] entries) => new("client", number, entries);

    private static CrudEntry Put(string id, string data) => Entry(CrudOp.Put, id, data);

    private static CrudEntry Patch(string id, string data) => Entry(CrudOp.Patch, id, data);

    private static CrudEntry Delete(string id) => Entry(CrudOp.Delete, id, data: null);

    private static CrudEntry Entry(CrudOp op, string id, string? data) => new(
        1, op, "notes", id, data is null ? null : JsonDocument.Parse(data).RootElement, Previous: null, Metadata: null, DateTimeOffset.UnixEpoch);

    /// <summary>A network that delivers a request and loses the answer.</summary>
    private sealed class LostAnswers() : DelegatingHandler(new HttpClientHandler())
    {
        public int Lost { get; set; }

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            var answer = await base.SendAsync(request, cancellationToken);
            if (Lost == 0)
                return answer;
            Lost--;
            answer.Dispose();
            throw new HttpRequestException("the answer was lost on the way");
        }
    }
}
