using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace TopGun.Buckets.Streaming.Operator;

/// <summary>One instrument as it was measured so far: a number for each set of tags, or a distribution.</summary>
/// <remarks>Told by whoever measures, in any thread; read by the one who writes it down.</remarks>
internal sealed class CollectedInstrument(Instrument instrument)
{
    // What Prometheus' own libraries use for times in seconds.
    private static readonly double[] UsualBounds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

    private const int MaxKnown = 64;

    private readonly Lock _gate = new();
    private readonly Dictionary<string, Series> _series = new(StringComparer.Ordinal);
    private readonly Dictionary<int, (KeyValuePair<string, object?>[] Tags, Series Series)> _known = []; // by the hash of the tags
    private readonly bool _isSum = instrument.GetType() is { IsGenericType: true } type
        && (type.GetGenericTypeDefinition() == typeof(Counter<>) || type.GetGenericTypeDefinition() == typeof(UpDownCounter<>));
    private readonly double[]? _bounds = BoundsOf(instrument);

    public string Name => PrometheusName.Of(instrument.Name, instrument.Unit, Kind == "counter");

    public string Description => instrument.Description ?? "";

    public string Kind { get; } = KindOf(instrument);

    public void Record(double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        lock (_gate)
        {
            var series = SeriesOf(tags);
            if (_bounds is not null)
                series.Counts![BucketOf(value)]++;
            series.Value = _isSum || _bounds is not null ? series.Value + value : value;
        }
    }

    /// <summary>
    /// The series of some tags. Much is measured for each of thousands of clients and requests, with tags that have few values, and putting them down as text
    /// costs more than all the rest.
    /// </summary>
    private Series SeriesOf(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        var hash = new HashCode();
        foreach (var (name, value) in tags)
        {
            hash.Add(name);
            hash.Add(value);
        }
        var key = hash.ToHashCode();
        if (_known.TryGetValue(key, out var known) && AreSame(known.Tags, tags))
            return known.Series;
        var labels = Labels(tags);
        if (!_series.TryGetValue(labels, out var series))
            _series.Add(labels, series = new Series(_bounds is null ? null : new long[_bounds.Length + 1]));
        if (_known.Count < MaxKnown)
            _known[key] = (tags.ToArray(), series);
        return series;
    }

    private static bool AreSame(KeyValuePair<string, object?>[] known, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (known.Length != tags.Length)
            return false;
        for (var index = 0; index < known.Length; index++)
        {
            if (known[index].Key != tags[index].Key || !Equals(known[index].Value, tags[index].Value))
                return false;
        }
        return true;
    }

    /// <summary>Forgets what is measured anew each time somebody looks.</summary>
    public void BeginLook()
    {
        if (!instrument.IsObservable)
            return;
        lock (_gate)
        {
            _series.Clear();
            _known.Clear();
        }
    }

    /// <summary>Writes the lines of all series.</summary>
    public void Write(StringBuilder output)
    {
        lock (_gate)
        {
            foreach (var (labels, series) in _series.OrderBy(static series => series.Key, StringComparer.Ordinal))
            {
                if (series.Counts is null)
                    Line(output, Name, labels, series.Value);
                else
                    Write(output, labels, series);
            }
        }
    }

    private void Write(StringBuilder output, string labels, Series series)
    {
        long count = 0;
        for (var index = 0; index < series.Counts!.Length; index++)
        {
            count += series.Counts[index];
            var bound = index < _bounds!.Length ? _bounds[index].ToString("R", CultureInfo.InvariantCulture) : "+Inf";
            Line(output, Name + "_bucket", $"{labels}{(labels.Length == 0 ? "" : ",")}le=\"{bound}\"", count);
        }
        Line(output, Name + "_sum", labels, series.Value);
        Line(output, Name + "_count", labels, count);
    }

    private static void Line(StringBuilder output, string name, string labels, double value)
    {
        output.Append(name);
        if (labels.Length > 0)
            output.Append('{').Append(labels).Append('}');
        output.Append(' ').Append(value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
    }

    private int BucketOf(double value)
    {
        var index = Array.BinarySearch(_bounds!, value);
        return index < 0 ? ~index : index; // a bound belongs to its bucket
    }

    private static string Labels(ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        if (tags.IsEmpty)
            return "";
        var labels = new List<string>(tags.Length);
        foreach (var (name, value) in tags)
            labels.Add($"{PrometheusName.Of(name)}=\"{Escaped(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "")}\"");
        labels.Sort(StringComparer.Ordinal);
        return string.Join(',', labels);
    }

    private static string Escaped(string text) =>
        text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private static string KindOf(Instrument instrument)
    {
        var type = instrument.GetType();
        var kind = type.IsGenericType ? type.GetGenericTypeDefinition() : type;
        return kind == typeof(Counter<>) || kind == typeof(ObservableCounter<>) ? "counter" : kind == typeof(Histogram<>) ? "histogram" : "gauge";
    }

    private static double[]? BoundsOf(Instrument instrument) => instrument switch
    {
        Histogram<double> seconds => seconds.Advice?.HistogramBucketBoundaries?.ToArray() ?? UsualBounds,
        _ when KindOf(instrument) == "histogram" => UsualBounds,
        _ => null,
    };

    private sealed class Series(long[]? counts)
    {
        public long[]? Counts => counts;

        public double Value { get; set; }
    }
}
