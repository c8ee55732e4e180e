using System.Collections;
using System.Collections.Specialized;
using System.Threading.Channels;
using TopGun.Buckets.Client;
using TopGun.Buckets.Tests.Support;
using Xunit;

namespace TopGun.Buckets.Tests.Unit.Client;

public sealed class LiveListTests : IAsyncDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly Screen _screen = new();
    private readonly List<string> _events = [];
    private BucketsClient? _client;

    private sealed record Todo(string Id, string? Title);

    [Fact]
    public async Task The_list_follows_its_query_on_the_thread_of_the_screen_with_an_event_for_each_row()
    {
        var client = await OpenAsync();
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'a'), ('t2', 'b')");
        using var list = Show(client);
        Assert.False(list.IsLoaded);

        await _screen.TurnAsync();
        await list.Loaded.WaitAsync(Patience.Limit, ClientCalls.Now);
        Assert.True(list.IsLoaded);
        await client.TransactAsync(async transaction =>
        {
            await transaction.RunAsync("INSERT INTO todos(id, title) VALUES('t0', 'aa')");
            await transaction.RunAsync("UPDATE todos SET title = 'bb' WHERE id = 't2'");
        });
        Assert.Equal(2, list.Count); // it changes when the screen's thread gets to it
        await _screen.TurnAsync();
        await client.RunAsync("DELETE FROM todos WHERE id = 't1'");
        await _screen.TurnAsync();
        await client.RunAsync("UPDATE todos SET title = 'zz' WHERE id = 't0'");
        await _screen.TurnAsync();

        Assert.Equal(["Reset", "Add t0@1", "Replace t2@2", "Remove t1@0", "Move t2@0<1", "Replace t0@1"], _events);
        Assert.Equal([new Todo("t2", "bb"), new Todo("t0", "zz")], list);
        Assert.Equal((2, "bb", 1), (list.Count, list[0].Title, ((IList)list).IndexOf(new Todo("t0", "zz"))));
    }

    [Fact]
    public async Task It_cannot_be_written_to()
    {
        using var list = Show(await OpenAsync());

        Assert.True(((IList)list).IsReadOnly);
        Assert.Throws<NotSupportedException>(() => ((IList)list).Add(new Todo("t1", null)));
        Assert.Throws<NotSupportedException>(() => ((IList<Todo>)list).Clear());
        Assert.Throws<NotSupportedException>(() => ((IList<Todo>)list)[0] = new Todo("t1", null));
    }

    [Fact]
    public async Task A_disposed_list_raises_nothing_any_more()
    {
        var client = await OpenAsync();
        var list = Show(client);
        await _screen.TurnAsync();
        _events.Clear();
        await client.RunAsync("INSERT INTO todos(id) VALUES('t1')");
        var posted = await _screen.PostedAsync(); // the news is on its way to the screen's thread

        list.Dispose();
        posted();

        Assert.Empty(list);
        Assert.Empty(_events);
    }

    [Fact]
    public async Task A_query_that_fails_is_told_to_whoever_waits_and_to_the_screen()
    {
        var client = await OpenAsync();
        using var list = _screen.Do(() => client.Live<Todo>("SELECT nothing FROM nowhere"));
        await _screen.TurnAsync();

        await Assert.ThrowsAsync<LocalStoreException>(() => list.Loaded.WaitAsync(Patience.Limit, ClientCalls.Now));
        Assert.IsType<LocalStoreException>(list.Error);
        Assert.False(list.IsLoaded);
    }

    [Fact]
    public async Task Without_a_screen_it_changes_by_itself()
    {
        var client = await OpenAsync();
        await client.RunAsync("INSERT INTO todos(id, title) VALUES('t1', 'a')");
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        using var list = client.Live<Todo>("SELECT id, title FROM todos");
        SynchronizationContext.SetSynchronizationContext(context);

        await list.Loaded.WaitAsync(Patience.Limit, ClientCalls.Now);

        Assert.Equal([new Todo("t1", "a")], list);
    }

    private LiveList<Todo> Show(BucketsClient client)
    {
        var list = _screen.Do(() => client.Live<Todo>("SELECT id, title FROM todos ORDER BY title"));
        list.CollectionChanged += (_, change) => _events.Add(change.Action switch
        {
            NotifyCollectionChangedAction.Remove => $"Remove {Id(change.OldItems)}@{change.OldStartingIndex}",
            NotifyCollectionChangedAction.Move => $"Move {Id(change.NewItems)}@{change.NewStartingIndex}<{change.OldStartingIndex}",
            NotifyCollectionChangedAction.Reset => "Reset",
            _ => $"{change.Action} {Id(change.NewItems)}@{change.NewStartingIndex}",
        });
        return list;
    }

    private static string Id(IList? rows) => Assert.IsType<Todo>(Assert.Single(rows!.Cast<object>())).Id;

    private async Task<BucketsClient> OpenAsync() => _client = await Todos.OpenAsync(_folder);

    public async ValueTask DisposeAsync()
    {
        if (_client is not null)
            await _client.DisposeAsync();
        _folder.Dispose();
    }

    /// <summary>A user interface's thread, whose turns the test takes.</summary>
    private sealed class Screen : SynchronizationContext
    {
        private readonly Channel<Action> _posted = Channel.CreateUnbounded<Action>();

        public override void Post(SendOrPostCallback d, object? state) => _posted.Writer.TryWrite(() => d(state));

        public T Do<T>(Func<T> work)
        {
            var before = Current;
            SetSynchronizationContext(this);
            try
            {
                return work();
            }
            finally
            {
                SetSynchronizationContext(before);
            }
        }

        public Task<Action> PostedAsync() => _posted.Reader.ReadAsync(ClientCalls.Now).AsTask().WaitAsync(Patience.Limit, ClientCalls.Now);

        public async Task TurnAsync() => (await PostedAsync())();
    }
}
