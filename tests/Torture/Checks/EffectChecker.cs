using System.Globalization;

namespace TopGun.Buckets.Tests.Torture.Checks;

/// <summary>Goes through the effects that writers' transactions had in Postgres: each once, one after the other.</summary>
internal sealed class EffectChecker(Findings findings)
{
    private readonly Dictionary<string, long> _last = new(StringComparer.Ordinal);

    /// <summary>Takes in the next effects, in the order in which they happened.</summary>
    public void Observe(IEnumerable<(string Writer, long Seq)> effects)
    {
        findings.Looked("upload effects");
        foreach (var (writer, seq) in effects)
        {
            var last = _last.GetValueOrDefault(writer);
            if (seq <= last)
                findings.Add(Verdict.UploadEffect, Sentence($"Transaction {seq} of {writer} took effect after its {last}: once more, or too late."));
            else if (seq > last + 1)
                findings.Add(Verdict.CausalityInSource, Sentence($"Transaction {seq} of {writer} took effect after its {last}: those between had none."));
            _last[writer] = seq;
        }
    }

    /// <summary>At the end: whatever a device was told is committed took effect.</summary>
    /// <param name="committed">Number of the last local transaction of each writer.</param>
    public void RequireAll(IReadOnlyDictionary<string, long> committed)
    {
        findings.Looked("lost uploads");
        foreach (var (writer, seq) in committed)
        {
            if (_last.GetValueOrDefault(writer) < seq)
                findings.Add(Verdict.UploadEffect, Sentence($"{writer} committed {seq} transactions locally and has none waiting, and {_last.GetValueOrDefault(writer)} took effect."));
        }
    }

    private static string Sentence(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
