using System.Text.Json;
using System.Text.Json.Serialization;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog.Deploying;

/// <summary>What the store knows of the rules that filled it: one JSON record, replaced as a whole.</summary>
/// <param name="Form">Form of this record and of row states and lookup entries; a store of another form is filled anew.</param>
/// <param name="Evaluator">Version of the evaluator; see <see cref="LogRules"/>.</param>
/// <param name="LastVersion">Last version given to any part of any rules: none is given twice.</param>
/// <param name="LastNumber">Number of the last deployment.</param>
/// <param name="FileDigest">Digest of the rules file taken over last; one that differs is new to us.</param>
/// <param name="Active">Rules in force.</param>
/// <param name="Building">Rules whose new parts are being filled, if any.</param>
/// <param name="Retired">Versions of parts that nobody has any more, and of which something may be left.</param>
internal sealed record StoredRules(
    int Form,
    int Evaluator,
    int LastVersion,
    int LastNumber,
    string FileDigest,
    StoredDeployment Active,
    StoredDeployment? Building,
    IReadOnlyList<int> Retired)
{
    public byte[] Serialize() => JsonSerializer.SerializeToUtf8Bytes(this, StoredRulesJson.Default.StoredRules);

    /// <summary>Null for the record of another form.</summary>
    public static StoredRules? Parse(ReadOnlySpan<byte> json, int form)
    {
        try
        {
            var stored = JsonSerializer.Deserialize(json, StoredRulesJson.Default.StoredRules);
            return stored?.Form == form ? stored : null;
        }
        catch (JsonException cause)
        {
            throw new DamagedRecordException(cause);
        }
    }
}

/// <summary>One rules file as deployed.</summary>
/// <param name="Number">Counts deployments, from 1.</param>
/// <param name="Text">The file.</param>
/// <param name="Since">When it came into force, or when its building began.</param>
/// <param name="Fingerprints">Of its definitions, in file order.</param>
/// <param name="Parts">What its definitions store, each under a version of its own.</param>
internal sealed record StoredDeployment(
    int Number, string Text, DateTimeOffset Since, IReadOnlyList<string> Fingerprints, IReadOnlyList<StoredPart> Parts)
{
    /// <summary>Tables that have to be there before it comes into force.</summary>
    public IReadOnlyList<TablePattern> Tables { get; init; } = [];

    /// <summary>Versions of bucket names, or of lookup keys, by definition.</summary>
    public Dictionary<string, int> Versions(bool isIndex) =>
        Parts.Where(part => part.IsIndex == isIndex).ToDictionary(part => part.Definition, part => part.Version);

    public bool Has(int version) => Parts.Any(part => part.Version == version);

    /// <summary>Whether requests and rows are answered as by these definitions, in their order.</summary>
    public bool IsSame(IReadOnlyList<RuleDefinition> definitions) =>
        Fingerprints.SequenceEqual(definitions.Select(definition => definition.Fingerprint)) && Parts.All(part => part.Fingerprint.Length > 0);
}

/// <summary>The buckets of a definition, or its parameter index.</summary>
/// <param name="Definition">Name of the definition.</param>
/// <param name="IsIndex">Whether it is the index.</param>
/// <param name="Fingerprint">Digest of what it holds; empty when another evaluator filled it.</param>
/// <param name="Version">What its bucket names, or lookup keys, start with.</param>
internal sealed record StoredPart(string Definition, bool IsIndex, string Fingerprint, int Version);

[JsonSerializable(typeof(StoredRules))]
internal sealed partial class StoredRulesJson : JsonSerializerContext;
