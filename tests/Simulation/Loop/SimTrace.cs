using System.Globalization;
using System.Text;

namespace TopGun.Buckets.Tests.Simulation.Loop;

/// <summary>What happened, twice: a rolling hash over everything, and the newest events in words for the report.</summary>
internal sealed class SimTrace(int capacity)
{
    private const int LongestDetail = 240;

    private readonly TraceEvent[] _ring = new TraceEvent[capacity];
    private long _count;

    /// <summary>FNV-1a over every event so far; two runs of one seed must agree on it.</summary>
    public ulong Hash { get; private set; } = 0xCBF29CE484222325;

    /// <summary>Adds an event. <paramref name="payload"/> stands for its content in the hash.</summary>
    public void Add(long step, long time, string actor, string kind, ulong payload, string? detail)
    {
        Mix((ulong)step);
        Mix((ulong)time);
        Mix(HashOf(actor));
        Mix(HashOf(kind));
        Mix(payload);
        if (detail is not null)
            _ring[_count++ % capacity] = new TraceEvent(step, time, actor, kind, Shorten(detail));
    }

    /// <summary>The newest events that have words, oldest first.</summary>
    public string Describe()
    {
        var text = new StringBuilder();
        for (var index = Math.Max(0, _count - capacity); index < _count; index++)
        {
            var entry = _ring[index % capacity];
            text.Append(CultureInfo.InvariantCulture, $"  {entry.Step,8}  {new TimeSpan(entry.Time).TotalMilliseconds,12:F3} ms  ")
                .Append(CultureInfo.InvariantCulture, $"{entry.Actor,-12}  {entry.Kind,-14}  {entry.Detail}")
                .AppendLine();
        }
        return text.ToString();
    }

    public static ulong HashOf(string text)
    {
        var hash = 0xCBF29CE484222325UL;
        foreach (var character in text)
            hash = (hash ^ character) * 0x100000001B3;
        return hash;
    }

    public static ulong HashOf(ReadOnlySpan<byte> bytes)
    {
        var hash = 0xCBF29CE484222325UL;
        foreach (var value in bytes)
            hash = (hash ^ value) * 0x100000001B3;
        return hash;
    }

    private static string Shorten(string detail)
    {
        var line = detail.ReplaceLineEndings(" ");
        return line.Length <= LongestDetail ? line : line[..LongestDetail] + "…";
    }

    private void Mix(ulong value) => Hash = (Hash ^ value) * 0x100000001B3;

    private readonly record struct TraceEvent(long Step, long Time, string Actor, string Kind, string Detail);
}
