using TopGun.Buckets.Tests.Simulation.Source;

namespace TopGun.Buckets.Tests.Simulation.Workload;

/// <summary>One user of the application who writes straight to the source: transactions of several changes, interleaved with those of others.</summary>
internal sealed class SourceWriter(Application application, Author author)
{
    private readonly SimPostgres _source = author.Source;

    /// <summary>Writes until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested)
        {
            await _source.Loop.Delay(author.Random.LogBetween(author.Shape.ShortestPause, author.Shape.LongestPause), "writer", cancellationToken);
            if (!_source.IsDown)
                await WriteAsync(author.Random.Between(1, author.Shape.LargestTransaction), cancellationToken);
        }
    }

    /// <summary>Commits one transaction, unless it meets another one's lock or changes its mind.</summary>
    public async Task WriteAsync(int changes, CancellationToken cancellationToken)
    {
        var transaction = _source.Begin();
        try
        {
            for (var change = 0; change < changes; change++)
            {
                if (author.Random.Chance(0.1))
                    _source.AppendNoise();
                var savepoint = transaction.Savepoint();
                application.Pick(author.Random).Change(transaction, author);
                if (author.Random.Chance(0.05))
                    transaction.RollbackTo(savepoint);
                if (author.Random.Chance(0.2))
                    await _source.Loop.Delay(author.Random.LogBetween(TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(50)), "writer", cancellationToken);
                if (!transaction.IsOpen)
                    return; // the server went down under it
            }
            if (author.Random.Chance(author.Shape.Prepares))
            {
                transaction.Prepare();
                await _source.Loop.Delay(author.Random.LogBetween(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(2)), "writer", cancellationToken);
                while (_source.IsDown)
                    await _source.Loop.Delay(TimeSpan.FromMilliseconds(100), "writer", cancellationToken);
            }
            if (!transaction.IsOpen)
                return; // another server has taken over
            if (author.Random.Chance(0.05))
                transaction.Rollback();
            else
                transaction.Commit(waitsForDisk: !author.Random.Chance(author.Shape.Hurries));
        }
        catch (Exception exception) when (exception is SimConflictException or OperationCanceledException)
        {
            if (transaction.IsOpen)
                transaction.Rollback();
        }
    }
}
