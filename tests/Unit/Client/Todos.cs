using TopGun.Buckets.Client;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>The schema and client most tests use.</summary>
internal static class Todos
{
    public static readonly LocalTable Table = new(
        "todos", LocalColumn.Text("title"), LocalColumn.Integer("done"), LocalColumn.Real("rating"));

    public static readonly LocalSchema Schema = new(Table);

    public static readonly LocalSchema NativeSchema = new(Table with { Storage = TableStorage.Native });

    /// <summary>Every third seed has a native table.</summary>
    public static LocalSchema SchemaOf(int seed) => seed % 3 == 0 ? NativeSchema : Schema;

    /// <summary>The same table in its other form.</summary>
    public static LocalSchema OtherSchemaOf(int seed) => SchemaOf(seed) == Schema ? NativeSchema : Schema;

    public static BucketsClientOptions Options(ScratchFolder folder, LocalSchema? schema = null) => new()
    {
        DatabasePath = folder.Database,
        Schema = schema ?? Schema,
        Credentials = CredentialsFrom.Token("token"),
        Random = new Random(7),
    };

    public static Task<BucketsClient> OpenAsync(ScratchFolder folder, LocalSchema? schema = null) =>
        BucketsClient.OpenAsync(Options(folder, schema), TestContext.Current.CancellationToken);

    /// <summary>All upload entries as <c>tx op table/id data</c>.</summary>
    public static Task<IReadOnlyList<string>> QueueAsync(BucketsClient client) => client.QueryAsync<string>(
        "SELECT tx || ' ' || op || ' ' || type || '/' || id || coalesce(' ' || data, '') FROM tg_crud ORDER BY seq",
        cancellationToken: TestContext.Current.CancellationToken);

    /// <summary>Every row as <c>id=title</c>.</summary>
    public static async Task<string> RowsAsync(BucketsClient client) => string.Join(' ', await client.QueryAsync<string>(
        "SELECT id || '=' || coalesce(title, '') FROM todos ORDER BY id", cancellationToken: TestContext.Current.CancellationToken));
}
