using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming.Operator;

namespace TopGun.Buckets.Host;

/// <summary>Remembers the last warnings and errors of the log, for the status page.</summary>
/// <remarks>Told by anybody, read by anybody. What repeats is kept once and counted.</remarks>
internal sealed class RecentProblems(TimeProvider time) : ILoggerProvider
{
    private const int Most = 50; // more than a person reads

    private readonly Lock _gate = new();
    private readonly LinkedList<ErrorReport> _problems = []; // the newest first

    public IReadOnlyList<ErrorReport> List()
    {
        lock (_gate)
            return [.. _problems];
    }

    public ILogger CreateLogger(string categoryName) => new Listener(this, categoryName);

    public void Dispose()
    {
        // It holds nothing but texts.
    }

    private void Add(ErrorReport problem)
    {
        lock (_gate)
        {
            var node = _problems.First;
            while (node is not null && !IsSame(node.Value, problem))
                node = node.Next;
            if (node is not null)
            {
                _problems.Remove(node);
                problem = problem with { Count = node.Value.Count + 1 };
            }
            _problems.AddFirst(problem);
            if (_problems.Count > Most)
                _problems.RemoveLast();
        }
    }

    private static bool IsSame(ErrorReport one, ErrorReport other) =>
        one.EventId == other.EventId && one.Source == other.Source && one.Message == other.Message && one.Level == other.Level;

    private sealed class Listener(RecentProblems problems, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel >= LogLevel.Warning;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (!IsEnabled(logLevel))
                return;
            problems.Add(new ErrorReport(
                problems.Time.GetUtcNow(),
                Count: 1,
                logLevel == LogLevel.Warning ? "warning" : "error",
                (exception as BucketsException)?.Code ?? CodeIn(state),
                eventId.Id,
                category[(category.LastIndexOf('.') + 1)..],
                formatter(state, exception)));
        }

        /// <summary>Log methods name a code's placeholder <c>{Code}</c>.</summary>
        private static string? CodeIn<TState>(TState state) =>
            state is IReadOnlyList<KeyValuePair<string, object?>> values ? values.FirstOrDefault(static value => value.Key == "Code").Value as string : null;
    }

    private TimeProvider Time => time;
}
