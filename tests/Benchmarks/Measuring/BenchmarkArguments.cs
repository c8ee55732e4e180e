using System.Globalization;

namespace TopGun.Buckets.Tests.Benchmarks.Measuring;

/// <summary>The options of one benchmark, <c>--name value</c> each.</summary>
internal sealed class BenchmarkArguments
{
    private readonly Dictionary<string, string> _values = new(StringComparer.Ordinal);
    private readonly HashSet<string> _read = new(StringComparer.Ordinal);

    public BenchmarkArguments(string[] args)
    {
        for (var index = 0; index < args.Length; index += 2)
        {
            if (!args[index].StartsWith("--", StringComparison.Ordinal) || index + 1 == args.Length)
                throw new ArgumentException($"Options are --name value; {args[index]} is not.");
            _values[args[index][2..]] = args[index + 1];
        }
    }

    public int Int(string name, int otherwise)
    {
        _read.Add(name);
        if (!_values.TryGetValue(name, out var text))
            return otherwise;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value > 0
            ? value
            : throw new ArgumentException($"--{name} is a whole number above 0; {text} is not.");
    }

    public int[] Ints(string name, params int[] otherwise)
    {
        _read.Add(name);
        if (!_values.TryGetValue(name, out var text))
            return otherwise;
        return [.. text.Split(',').Select(part =>
            int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var value) && value > 0
                ? value
                : throw new ArgumentException($"--{name} is a list of whole numbers above 0; {part} is not."))];
    }

    public string? Text(string name)
    {
        _read.Add(name);
        return _values.GetValueOrDefault(name);
    }

    /// <summary>To be called once all options have been read: a misspelt one must not silently measure something else.</summary>
    public void RejectUnread()
    {
        if (_values.Keys.FirstOrDefault(name => !_read.Contains(name)) is { } unknown)
            throw new ArgumentException($"--{unknown} is not an option of this benchmark; it has: {string.Join(", ", _read)}.");
    }
}
