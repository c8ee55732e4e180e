using Microsoft.Extensions.Logging;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Tests.Postgres.Replication;

/// <summary>Keeps what is logged.</summary>
internal sealed class LogLines : ILogger<ChangeSource>
{
    private readonly Lock _gate = new();
    private readonly List<string> _lines = [];

    /// <summary>Each line with its level: <c>Warning: …</c>.</summary>
    public IReadOnlyList<string> All
    {
        get
        {
            lock (_gate)
                return [.. _lines];
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_gate)
            _lines.Add($"{logLevel}: {formatter(state, exception)}");
    }
}
