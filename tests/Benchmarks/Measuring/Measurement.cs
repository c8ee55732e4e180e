using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace TopGun.Buckets.Tests.Benchmarks.Measuring;

/// <summary>One result: what we reach, what the same machine reaches in the same run without us, and their ratio.</summary>
/// <param name="Name">What was measured.</param>
/// <param name="Figure">Ours.</param>
/// <param name="Unit">Unit of both.</param>
/// <param name="Limit">The other.</param>
/// <param name="LimitOf">What the limit is the limit of.</param>
internal sealed record Measurement(string Name, double Figure, string Unit, double Limit, string LimitOf)
{
    /// <summary>What the figures depend on, and how they came about.</summary>
    public JsonObject Parameters { get; init; } = [];

    /// <summary>Prints one line of JSON.</summary>
    public void Print()
    {
        var line = new JsonObject
        {
            ["name"] = Name,
            ["figure"] = Round(Figure),
            ["unit"] = Unit,
            ["limit"] = Round(Limit),
            ["ratio"] = Round(Figure / Limit),
            ["limit_of"] = LimitOf,
        };
        foreach (var (name, value) in Parameters)
            line[name] = value?.DeepClone();
        Console.Out.WriteLine(line.ToJsonString(Readable));
    }

    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Three digits: more would claim a precision that a shared machine does not have.</summary>
    private static double Round(double value)
    {
        if (value == 0 || !double.IsFinite(value))
            return 0;
        var digits = 2 - (int)Math.Floor(Math.Log10(Math.Abs(value)));
        return digits >= 0 ? Math.Round(value, Math.Min(digits, 9)) : Math.Round(value);
    }
}
