using System.Collections;
using System.Collections.Specialized;
using System.ComponentModel;
using TopGun.Buckets.Client.Queries.Live;

namespace TopGun.Buckets.Client;

/// <summary>
/// The rows of a query as a list that keeps itself up to date and tells a screen what changed, one row at a time. Bind it to the list
/// control of WPF, MAUI, Avalonia or WinUI; dispose it with the screen.
/// </summary>
/// <remarks>
/// It changes, and raises its events, on the <see cref="SynchronizationContext"/> of the thread that made it, normally the user interface's.
/// Without one it changes on a pool thread, holding <see cref="SyncRoot"/>. Read-only: write with
/// <see cref="BucketsClient.ExecuteAsync"/>, and the list follows.
/// </remarks>
public sealed class LiveList<T> : IList<T>, IList, IReadOnlyList<T>, INotifyCollectionChanged, INotifyPropertyChanged, IDisposable
{
    private const string IndexerName = "Item[]";

    private readonly List<T> _rows = [];
    private readonly SynchronizationContext? _context = SynchronizationContext.Current;
    private readonly CancellationTokenSource _over = new();
    private readonly TaskCompletionSource _loaded = new(TaskCreationOptions.RunContinuationsAsynchronously);

    internal LiveList(Func<CancellationToken, IAsyncEnumerable<LiveQuery<T>>> follow) => _ = Task.Run(() => RunAsync(follow));

    /// <inheritdoc/>
    public event NotifyCollectionChangedEventHandler? CollectionChanged;

    /// <inheritdoc/>
    public event PropertyChangedEventHandler? PropertyChanged;

    /// <summary>Completes when the first rows are in; fails when the query does.</summary>
    public Task Loaded => _loaded.Task;

    /// <summary>Whether the first rows are in, so that an empty list means that there are none.</summary>
    public bool IsLoaded { get; private set; }

    /// <summary>Why the list no longer follows its query; null while it does.</summary>
    public Exception? Error { get; private set; }

    /// <inheritdoc cref="IReadOnlyCollection{T}.Count"/>
    public int Count => _rows.Count;

    /// <inheritdoc/>
    public bool IsReadOnly => true;

    /// <inheritdoc/>
    public bool IsFixedSize => false;

    /// <inheritdoc/>
    public bool IsSynchronized => false;

    /// <inheritdoc/>
    public object SyncRoot => _rows;

    /// <inheritdoc cref="IReadOnlyList{T}.this"/>
    public T this[int index] => _rows[index];

    T IList<T>.this[int index]
    {
        get => _rows[index];
        set => throw ReadOnly();
    }

    object? IList.this[int index]
    {
        get => _rows[index];
        set => throw ReadOnly();
    }

    /// <inheritdoc/>
    public bool Contains(T item) => _rows.Contains(item);

    /// <inheritdoc/>
    public int IndexOf(T item) => _rows.IndexOf(item);

    /// <inheritdoc/>
    public void CopyTo(T[] array, int arrayIndex) => _rows.CopyTo(array, arrayIndex);

    /// <inheritdoc/>
    public IEnumerator<T> GetEnumerator() => _rows.GetEnumerator();

    /// <summary>Stops following the query. The rows stay as they are; no event is raised any more.</summary>
    public void Dispose()
    {
        _over.Cancel();
        _loaded.TrySetCanceled();
    }

    private async Task RunAsync(Func<CancellationToken, IAsyncEnumerable<LiveQuery<T>>> follow)
    {
        try
        {
            // The next result is computed only when this one is on the screen: a slow screen skips what is in between.
            await foreach (var result in follow(_over.Token))
                await OnContextAsync(() => Apply(result));
        }
        catch (OperationCanceledException) when (_over.IsCancellationRequested)
        {
            // Disposed.
        }
        catch (Exception exception) when (exception is not OutOfMemoryException)
        {
            await OnContextAsync(() => Fail(exception));
        }
        finally
        {
            _loaded.TrySetCanceled(); // the client was disposed before the first rows
        }
    }

    private Task OnContextAsync(Action change)
    {
        if (_context is null)
        {
            lock (SyncRoot)
                ChangeUnlessOver(change);
            return Task.CompletedTask;
        }
        var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _context.Post(
            _ =>
            {
                try
                {
                    ChangeUnlessOver(change);
                    done.SetResult();
                }
                catch (Exception exception) when (exception is not OutOfMemoryException)
                {
                    done.SetException(exception); // a handler of the app's failed
                }
            },
            null);
        return done.Task;
    }

    private void ChangeUnlessOver(Action change)
    {
        if (!_over.IsCancellationRequested)
            change();
    }

    private void Apply(LiveQuery<T> result)
    {
        var count = _rows.Count;
        foreach (var change in result.Changes())
            Apply(change, result);
        if (count != _rows.Count)
            Raise(nameof(Count));
        if (IsLoaded)
            return;
        IsLoaded = true;
        Raise(nameof(IsLoaded));
        _loaded.TrySetResult();
    }

    private void Apply(ListChange<T> change, LiveQuery<T> result)
    {
        NotifyCollectionChangedEventArgs told;
        switch (change.Kind)
        {
            case ListChangeKind.Inserted:
                _rows.Insert(change.Index, change.Row!);
                told = new(NotifyCollectionChangedAction.Add, change.Row, change.Index);
                break;
            case ListChangeKind.Removed:
                _rows.RemoveAt(change.Index);
                told = new(NotifyCollectionChangedAction.Remove, change.Row, change.Index);
                break;
            case ListChangeKind.Moved:
                _rows.RemoveAt(change.OldIndex);
                _rows.Insert(change.Index, change.Row!);
                told = new(NotifyCollectionChangedAction.Move, change.Row, change.Index, change.OldIndex);
                break;
            case ListChangeKind.Replaced:
                _rows[change.Index] = change.Row!;
                told = new(NotifyCollectionChangedAction.Replace, change.Row, change.OldRow, change.Index);
                break;
            default:
                _rows.Clear();
                _rows.AddRange(result.Rows());
                told = new(NotifyCollectionChangedAction.Reset);
                break;
        }
        Raise(IndexerName);
        CollectionChanged?.Invoke(this, told);
    }

    private void Fail(Exception exception)
    {
        Error = exception;
        if (_loaded.TrySetException(exception))
            _ = _loaded.Task.Exception; // seen: Error tells it as well
        Raise(nameof(Error));
    }

    private void Raise(string property) => PropertyChanged?.Invoke(this, new PropertyChangedEventArgs(property));

    private static NotSupportedException ReadOnly() => new("A live list follows its query; write to the table instead.");

    IEnumerator IEnumerable.GetEnumerator() => _rows.GetEnumerator();

    void ICollection<T>.Add(T item) => throw ReadOnly();

    void ICollection<T>.Clear() => throw ReadOnly();

    bool ICollection<T>.Remove(T item) => throw ReadOnly();

    void IList<T>.Insert(int index, T item) => throw ReadOnly();

    void IList<T>.RemoveAt(int index) => throw ReadOnly();

    void ICollection.CopyTo(Array array, int index) => ((ICollection)_rows).CopyTo(array, index);

    int IList.Add(object? value) => throw ReadOnly();

    void IList.Clear() => throw ReadOnly();

    bool IList.Contains(object? value) => ((IList)_rows).Contains(value);

    int IList.IndexOf(object? value) => ((IList)_rows).IndexOf(value);

    void IList.Insert(int index, object? value) => throw ReadOnly();

    void IList.Remove(object? value) => throw ReadOnly();

    void IList.RemoveAt(int index) => throw ReadOnly();
}
