using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Evaluation;
using TopGun.Buckets.SyncRules.Serialization;
using TopGun.Buckets.SyncRules.Yaml;

namespace TopGun.Buckets.SyncRules;

/// <summary>A compiled sync-rules file: which row belongs in which bucket, and which buckets a request gets. The door of this room.</summary>
public abstract class RuleSet
{
    /// <summary>Compiles a rules file. Never throws for what the file holds.</summary>
    /// <param name="yaml">Text of the file.</param>
    /// <param name="options">How the file is read.</param>
    public static RuleSetResult Parse(string yaml, RuleSetOptions options)
    {
        var findings = new Findings(yaml);
        var file = RulesFileReader.Read(yaml, findings);
        var plan = file is null ? null : RulesCompiler.Compile(file, options, findings);
        var rules = plan is null || findings.HasErrors ? null : new CompiledRuleSet(plan, file!.Settings, options);
        return new RuleSetResult(rules, findings.ToList());
    }

    /// <summary>Reads rules that <see cref="Serialize"/> wrote. Never throws for what the text holds.</summary>
    /// <param name="plan">The compiled rules.</param>
    /// <param name="options">Only versions and limits count; names were resolved when the rules were compiled.</param>
    /// <returns>The rules, or the error TGB3040 when the text is no plan or has a form that this version does not know.</returns>
    public static RuleSetResult Load(string plan, RuleSetOptions options)
    {
        try
        {
            var (rules, settings) = PlanReader.Read(plan);
            return new RuleSetResult(new CompiledRuleSet(rules, settings, options), []);
        }
        catch (FormatException problem)
        {
            var findings = new Findings("");
            findings.Error(FindingClass.PlanForm, default, problem.Message + " Compile the rules file again.");
            return new RuleSetResult(null, findings.ToList());
        }
    }

    /// <summary>The compiled rules as JSON: they evaluate as these do, wherever they are loaded, without the file they came from.</summary>
    public abstract string Serialize();

    /// <summary>Bucket definitions and streams in file order.</summary>
    public abstract IReadOnlyList<RuleDefinition> Definitions { get; }

    /// <summary>Tables that any query may read, as patterns; what has to be published and read from the source.</summary>
    public abstract IReadOnlyList<TablePattern> Tables { get; }

    /// <summary>Whether any query reads the table.</summary>
    public abstract bool Uses(string schema, string table);

    /// <summary>Binds the rules to one table definition.</summary>
    public abstract TableEvaluator ForTable(SourceTable table);

    /// <summary>The rules without what other rules do as well: without the buckets and parameter indexes whose names, version and all, are theirs too.</summary>
    /// <remarks>For rows only. Together with <paramref name="other"/> it makes every output of both, each once.</remarks>
    public abstract RuleSet Without(RuleSet other);

    /// <summary>
    /// Whether write checkpoints are rows of the source (<c>event_definitions</c> named <c>write_checkpoints</c> or <c>checkpoint_requests</c>), which the
    /// app's backend writes. The service gives none of its own then.
    /// </summary>
    public virtual bool ReadsWriteCheckpoints => false;

    /// <summary>Keys of the parameter index under which a client's write checkpoints are; see <see cref="WriteCheckpointRecords"/>.</summary>
    /// <param name="userKey">User and client: <c>sub</c>, or <c>sub/client_id</c>.</param>
    public virtual IReadOnlyList<string> WriteCheckpointLookups(string userKey) => [];

    /// <summary>Starts finding the buckets of a request.</summary>
    /// <exception cref="BucketLimitException">The request names more than the limits allow.</exception>
    /// <exception cref="RequestEvaluationException">The request, or a bucket definition for it, cannot be evaluated.</exception>
    public abstract BucketResolution BucketsFor(BucketRequest request);
}

/// <summary>What came of compiling a rules file.</summary>
/// <param name="Rules">The rules, or null when there is any error.</param>
/// <param name="Findings">All errors and warnings, in file order.</param>
public sealed record RuleSetResult(RuleSet? Rules, IReadOnlyList<RuleError> Findings);

/// <summary>How a rules file is read.</summary>
public sealed record RuleSetOptions
{
    /// <summary>Schema of tables that are named without one.</summary>
    public string DefaultSchema { get; init; } = "public";

    /// <summary>Version of each definition, which becomes the <c>N#</c> prefix of its bucket names; a definition that is not named gets none.</summary>
    public IReadOnlyDictionary<string, int> Versions { get; init; } = new Dictionary<string, int>();

    /// <summary>Version of each definition's parameter index, which its lookup keys start with in the same way.</summary>
    public IReadOnlyDictionary<string, int> IndexVersions { get; init; } = new Dictionary<string, int>();

    /// <summary>
    /// Distinct buckets that one request may have; it may ask for ten times as many lookups at once. What was looked up on the way does not
    /// count. Default 1000, where the field's services stand.
    /// </summary>
    public int BucketLimit { get; init; } = 1000;

    /// <summary>Tables of the source, for checking names; null checks none.</summary>
    public IReadOnlyList<SourceTable>? Schema { get; init; }
}

/// <summary>One bucket definition or stream.</summary>
/// <param name="Name">As in the file.</param>
/// <param name="Fingerprint">Hexadecimal digest of its meaning; formatting, comments and key order do not change it.</param>
public sealed record RuleDefinition(string Name, string Fingerprint)
{
    /// <summary>Digest of what its buckets hold: equal where the same rows are in the same buckets in the same form, whoever gets them.</summary>
    public string BucketFingerprint { get; init; } = Fingerprint;

    /// <summary>Digest of what its parameter index holds; null when it has none.</summary>
    public string? IndexFingerprint { get; init; }
}

/// <summary>A table named by the rules; <c>%</c> at the end of a name stands for anything.</summary>
public sealed record TablePattern(string Schema, string Name);

/// <summary>A request needs more buckets or lookup results than allowed.</summary>
/// <param name="message">How many of what, how many are allowed, and the definitions that need most.</param>
/// <param name="counts">How many each definition needs, the largest first.</param>
public sealed class BucketLimitException(string message, IReadOnlyList<(string Definition, int Count)> counts) : Exception(message)
{
    /// <summary>How many each definition needs, the largest first.</summary>
    public IReadOnlyList<(string Definition, int Count)> Counts { get; } = counts;
}

/// <summary>A request, or a bucket definition for it, could not be evaluated, which fails the request as a whole.</summary>
/// <param name="definition">The bucket definition; null when the request itself is unusable.</param>
/// <param name="message">What is wrong; holds nothing of the request.</param>
public sealed class RequestEvaluationException(string? definition, string message)
    : Exception(definition is null ? message : $"Bucket definition '{definition}': {message}")
{
    /// <summary>The bucket definition; null when the request itself is unusable.</summary>
    public string? Definition { get; } = definition;
}
