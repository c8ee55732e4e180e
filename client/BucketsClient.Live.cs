using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using TopGun.Buckets.Client.Connection;
using TopGun.Buckets.Client.Queries;
using TopGun.Buckets.Client.Queries.Live;

namespace TopGun.Buckets.Client;

/// <content>Queries whose results follow the data.</content>
/// <remarks>
/// A query runs again only after a commit, local or downloaded, that touched a column it reads; one that names its rows
/// (<c>WHERE id = ?</c>, <c>WHERE id IN (…)</c>) only when one of these was touched. A run that finds the same rows tells nobody. Rows that
/// did not change keep their objects. A slow reader gets the newest result, not every one in between. All of them end when the client is
/// disposed.
/// </remarks>
public sealed partial class BucketsClient
{
    /// <summary>Reads rows now and again whenever they have changed.</summary>
    /// <typeparam name="T">As for <see cref="QueryAsync{T}(string, IReadOnlyList{object?}?, CancellationToken)"/>.</typeparam>
    /// <param name="sql">SQL with <c>?</c> or named parameters.</param>
    /// <param name="parameters">Values in the order of the parameters.</param>
    /// <param name="cancellationToken">Ends the sequence with an <see cref="OperationCanceledException"/>.</param>
    public IAsyncEnumerable<IReadOnlyList<T>> Watch<[DynamicallyAccessedMembers(Constructors)] T>(
        string sql, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default) =>
        RowsAsync(Query<T>(sql, parameters), cancellationToken);

    /// <summary>As the other <c>Watch</c>, with a function of the app's to read rows.</summary>
    public IAsyncEnumerable<IReadOnlyList<T>> Watch<T>(
        string sql, RowMapper<T> map, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default) =>
        RowsAsync(Query(sql, map, parameters), cancellationToken);

    /// <summary>As <c>Watch</c>, and tells with each result how it came from the one before, row by row.</summary>
    public IAsyncEnumerable<LiveResult<T>> WatchChanges<[DynamicallyAccessedMembers(Constructors)] T>(
        string sql, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default) =>
        ResultsAsync(Query<T>(sql, parameters), cancellationToken);

    /// <summary>As the other <c>WatchChanges</c>, with a function of the app's to read rows.</summary>
    public IAsyncEnumerable<LiveResult<T>> WatchChanges<T>(
        string sql, RowMapper<T> map, IReadOnlyList<object?>? parameters = null, CancellationToken cancellationToken = default) =>
        ResultsAsync(Query(sql, map, parameters), cancellationToken);

    /// <summary>As <c>Watch</c>, as an observable: each subscription runs the query for itself until it is disposed.</summary>
    public IObservable<IReadOnlyList<T>> Observe<[DynamicallyAccessedMembers(Constructors)] T>(
        string sql, IReadOnlyList<object?>? parameters = null) =>
        new QueryObservable<IReadOnlyList<T>>(cancellationToken => Watch<T>(sql, parameters, cancellationToken));

    /// <summary>As the other <c>Observe</c>, with a function of the app's to read rows.</summary>
    public IObservable<IReadOnlyList<T>> Observe<T>(string sql, RowMapper<T> map, IReadOnlyList<object?>? parameters = null) =>
        new QueryObservable<IReadOnlyList<T>>(cancellationToken => Watch(sql, map, parameters, cancellationToken));

    /// <summary>As <c>Watch</c>, as a list to bind a screen to. Call it on the user interface's thread, and dispose the list with the screen.</summary>
    public LiveList<T> Live<[DynamicallyAccessedMembers(Constructors)] T>(string sql, IReadOnlyList<object?>? parameters = null) =>
        new(cancellationToken => FollowAsync(Query<T>(sql, parameters), cancellationToken));

    /// <summary>As the other <c>Live</c>, with a function of the app's to read rows.</summary>
    public LiveList<T> Live<T>(string sql, RowMapper<T> map, IReadOnlyList<object?>? parameters = null) =>
        new(cancellationToken => FollowAsync(Query(sql, map, parameters), cancellationToken));

    private LiveQuery<T> Query<[DynamicallyAccessedMembers(Constructors)] T>(string sql, IReadOnlyList<object?>? parameters) =>
        new(sql, parameters, RowMapping.For<T>, _options.Schema);

    private LiveQuery<T> Query<T>(string sql, RowMapper<T> map, IReadOnlyList<object?>? parameters) =>
        new(sql, parameters, _ => statement => map(new RowReader(statement)), _options.Schema);

    private async IAsyncEnumerable<IReadOnlyList<T>> RowsAsync<T>(
        LiveQuery<T> query, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var result in FollowAsync(query, cancellationToken))
            yield return result.Rows();
    }

    private async IAsyncEnumerable<LiveResult<T>> ResultsAsync<T>(
        LiveQuery<T> query, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var result in FollowAsync(query, cancellationToken))
            yield return new LiveResult<T>(result.Rows(), result.Changes());
    }

    /// <summary>Runs the query now and after every commit that concerns it; yields it when its rows differ.</summary>
    private async IAsyncEnumerable<LiveQuery<T>> FollowAsync<T>(
        LiveQuery<T> query, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var local = await LocalAsync().WaitAsync(cancellationToken);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        var news = new Signal();
        using var listening = local.Changes.Listen(changes =>
        {
            if (query.Note(changes))
                news.Set();
        });

        while (true)
        {
            bool differs;
            try
            {
                news.Reset(); // before reading: what commits during the query counts as news
                differs = await local.ReadChangesAsync(query.TakeChangedRows, query.Run, ending.Token);
                listening.Narrow(query.Pins);
            }
            catch (Exception exception) when (_closing.IsCancellationRequested && exception is OperationCanceledException or ObjectDisposedException)
            {
                yield break;
            }
            if (differs)
                yield return query;
            if (!await WaitForNewsAsync(news, ending.Token, cancellationToken))
                yield break;
        }
    }

    private async Task<bool> WaitForNewsAsync(Signal news, CancellationToken ending, CancellationToken cancellationToken)
    {
        try
        {
            await news.WaitAsync(Timeout.InfiniteTimeSpan, _options.TimeProvider, ending);
            await Task.Delay(_options.WatchThrottle, _options.TimeProvider, ending); // a burst of commits makes one result
            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }
}
