using System.Security.Cryptography;
using System.Text;
using TopGun.Buckets.BucketLog.Deploying;
using TopGun.Buckets.BucketLog.Records;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.BucketLog;

/// <summary>Compiles a rules file with versions for its bucket names and its lookup keys; null when it cannot be compiled.</summary>
public delegate RuleSet? CompileRules(string text, IReadOnlyDictionary<string, int> versions, IReadOnlyDictionary<string, int> indexVersions);

/// <summary>Rules as deployed.</summary>
/// <param name="Number">Counts deployments, from 1; checkpoints name the rules they are for by it.</param>
/// <param name="Text">The file.</param>
/// <param name="Since">When they came into force, or when their building began.</param>
/// <param name="Rules">Compiled, with the versions of their parts.</param>
public sealed record DeployedRules(int Number, string Text, DateTimeOffset Since, RuleSet Rules);

/// <summary>The rules of a log: those in force, those that are being built, and what is left of earlier ones.</summary>
/// <remarks>
/// A definition has up to two parts that store something: its buckets and its parameter index. Each has a version of its own, which its bucket names,
/// or lookup keys, start with, and keeps it for as long as its fingerprint stays the same, whatever else changes in the file. Changed by the log's
/// thread only; what is public may be read by anybody.
/// </remarks>
public sealed class LogRules
{
    // Of what rules make stored bytes: raise it when the records of an earlier version cannot be gone on with.
    private const int Form = 2;

    // Raise it when the same rules and row give another output than before: every part is then built again, under another version.
    private const int EvaluatorVersion = 1;

    private readonly CompileRules _compile;
    private readonly Dictionary<int, DeployedRules> _byNumber = [];
    private readonly Lock _gate = new();
    private StoredRules _stored;

    private LogRules(CompileRules compile, StoredRules stored, DeployedRules active, DeployedRules? building)
    {
        _compile = compile;
        _stored = stored;
        Active = active;
        Building = building;
        _byNumber.Add(active.Number, active);
    }

    /// <summary>The rules in force.</summary>
    public DeployedRules Active { get; private set; }

    /// <summary>The rules that come into force when what is new in them is complete; null when there are none.</summary>
    public DeployedRules? Building { get; private set; }

    /// <summary>Whether the store holds nothing that rules could have made, or something that cannot be gone on with.</summary>
    public bool IsNew { get; private init; }

    /// <summary>Whether another evaluator filled some of the store, so that its rules have to be deployed again.</summary>
    public bool IsStale => _stored.Active.Parts.Any(part => part.Fingerprint.Length == 0);

    /// <summary>Tables that rows are wanted of.</summary>
    public IReadOnlyList<TablePattern> Tables =>
        Building is { } building ? [.. Active.Rules.Tables.Concat(building.Rules.Tables).Distinct()] : Active.Rules.Tables;

    /// <summary>Whether the evaluator was changed since the store was written: what is replayed may get other operations than it had.</summary>
    internal bool HasOtherEvaluator { get; private init; }

    /// <summary>What the rules that are being built do beyond those in force.</summary>
    internal RuleSet? Added { get; private set; }

    /// <summary>What bucket names and lookup keys of the rules in force start with.</summary>
    internal IEnumerable<int> Versions => _stored.Active.Parts.Select(part => part.Version);

    /// <summary>Tables that have to be there before what is being built comes into force.</summary>
    internal IReadOnlyList<TablePattern> Awaited => _stored.Building?.Tables ?? [];

    /// <summary>Versions of parts of which buckets and lookup entries may be left.</summary>
    internal IReadOnlyList<int> Retired => _stored.Retired;

    /// <summary>Reads what the store knows; a store that is new gets <paramref name="text"/>.</summary>
    /// <param name="storage">The opened store.</param>
    /// <param name="text">A rules file that compiles.</param>
    /// <param name="compile">Compiles it, and earlier ones.</param>
    /// <param name="now">Time of day, for a store that is new.</param>
    /// <param name="cancellationToken">Stops the read.</param>
    public static async ValueTask<LogRules> OpenAsync(
        IColdStorage storage, string text, CompileRules compile, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var stored = await ReadAsync(storage, cancellationToken);
        return stored is null ? Begin(text, compile, now) : Load(stored, compile) ?? Begin(text, compile, now, stored);
    }

    /// <summary>The rules that the store knows, in force whatever a file says now; null when it knows none that compile.</summary>
    public static async ValueTask<LogRules?> LoadAsync(IColdStorage storage, CompileRules compile, CancellationToken cancellationToken) =>
        await ReadAsync(storage, cancellationToken) is { } stored ? Load(stored, compile) : null;

    /// <summary>Whether this is the rules file that was taken over last.</summary>
    public bool KnowsFile(string text) => _stored.FileDigest == DigestOf(text);

    /// <summary>The rules of that number, if they were in force since the log was opened.</summary>
    public DeployedRules? Find(int number)
    {
        lock (_gate)
            return _byNumber.GetValueOrDefault(number);
    }

    /// <summary>Starts to build other rules, or takes up a text that means the same as the present one.</summary>
    /// <returns>Whether rules are to be built, or at least to be brought into force.</returns>
    internal bool Begin(DeployRequest request, DateTimeOffset now)
    {
        var text = request.Text;
        var compiled = Compile(_compile, text);
        var digest = request.IsFile ? DigestOf(text) : _stored.FileDigest;
        var present = _stored.Building ?? _stored.Active;
        if (!request.FillsAnew && request.Anew.Count == 0 && present.IsSame(compiled.Definitions))
        {
            present = present with { Text = text };
            _stored = _stored.Building is null ? _stored with { Active = present, FileDigest = digest } : _stored with { Building = present, FileDigest = digest };
            Renew();
            return false;
        }
        var version = _stored.LastVersion;
        IReadOnlyList<StoredPart> known = request.FillsAnew ? []
            : [.. _stored.Active.Parts.Concat(_stored.Building?.Parts ?? []).Where(part => !request.Anew.Contains(part.Version))];
        var planned = Plan(text, compiled.Definitions, known, _stored.LastNumber + 1, now, ref version);
        _stored = _stored with
        {
            LastVersion = version,
            LastNumber = planned.Number,
            FileDigest = digest,
            Building = planned with { Tables = request.Tables },
            Retired = [.. _stored.Retired.Concat(Gone(_stored.Building, [_stored.Active, planned]))],
        };
        Renew();
        return true;
    }

    /// <summary>Whether the rules in force are wished for while others are being built.</summary>
    internal bool IsBackToActive(DeployRequest request) =>
        !request.FillsAnew && request.Anew.Count == 0 && _stored.Building is not null && _stored.Active.IsSame(Compile(_compile, request.Text).Definitions);

    /// <summary>Whether a part is one of the newest rules: of those that are being built, or else of those in force.</summary>
    internal bool IsWanted(int version) => (_stored.Building ?? _stored.Active).Has(version);

    /// <summary>Gives up what is being built.</summary>
    internal void Cancel(DeployRequest request)
    {
        _stored = _stored with
        {
            FileDigest = request.IsFile ? DigestOf(request.Text) : _stored.FileDigest,
            Active = _stored.Active with { Text = request.Text },
            Building = null,
            Retired = [.. _stored.Retired.Concat(Gone(_stored.Building, [_stored.Active]))],
        };
        Renew();
    }

    /// <summary>What was built is in force.</summary>
    internal void Activate(DateTimeOffset now)
    {
        var built = _stored.Building!;
        _stored = _stored with
        {
            Active = built with { Since = now },
            Building = null,
            Retired = [.. _stored.Retired.Concat(Gone(_stored.Active, [built]))],
        };
        Renew();
    }

    /// <summary>Nothing is left of retired parts.</summary>
    internal void ForgetRetired() => _stored = _stored with { Retired = [] };

    internal byte[] Serialize() => _stored.Serialize();

    private static async ValueTask<StoredRules?> ReadAsync(IColdStorage storage, CancellationToken cancellationToken)
    {
        var query = new RecordQuery();
        query.Add(RecordTable.Meta, MetaKey.Rules);
        await storage.GetAsync(query, cancellationToken);
        return query.TryGetValue(0, out var value) ? StoredRules.Parse(value.Span, Form) : null;
    }

    private void Renew()
    {
        var active = _stored.Active.Number == Active.Number
            ? Active with { Text = _stored.Active.Text }
            : new DeployedRules(_stored.Active.Number, _stored.Active.Text, _stored.Active.Since, Building!.Rules);
        var building = _stored.Building is not { } stored ? null
            : stored.Number == Building?.Number ? Building with { Text = stored.Text }
            : new DeployedRules(stored.Number, stored.Text, stored.Since, Compile(_compile, stored)!);
        lock (_gate)
        {
            Active = active;
            Building = building;
            _byNumber[active.Number] = active;
        }
        Added = building?.Rules.Without(active.Rules);
    }

    private static LogRules Begin(string text, CompileRules compile, DateTimeOffset now, StoredRules? earlier = null)
    {
        var version = earlier?.LastVersion ?? 0;
        var planned = Plan(text, Compile(compile, text).Definitions, [], (earlier?.LastNumber ?? 0) + 1, now, ref version);
        var stored = new StoredRules(Form, EvaluatorVersion, version, planned.Number, DigestOf(text), planned, Building: null, Retired: []);
        return new LogRules(compile, stored, new DeployedRules(planned.Number, text, now, Compile(compile, planned)!), building: null) { IsNew = true };
    }

    /// <summary>Null when the stored rules do not compile any more.</summary>
    private static LogRules? Load(StoredRules stored, CompileRules compile)
    {
        var isOther = stored.Evaluator != EvaluatorVersion;
        var active = Compile(compile, stored.Active);
        if (active is null)
            return null;
        var before = stored.Active.Parts;
        stored = stored with { Evaluator = EvaluatorVersion, Active = Mark(stored.Active, active, isOther) };
        var building = stored.Building is null ? null : Compile(compile, stored.Building);
        if (stored.Building is not null)
        {
            stored = building is not null && Mark(stored.Building, building, isOther) is var marked && marked.Parts.SequenceEqual(stored.Building.Parts)
                ? stored
                : stored with { Building = null, Retired = [.. stored.Retired.Concat(Gone(stored.Building, [stored.Active]))] };
        }
        return new LogRules(
            compile,
            stored,
            new DeployedRules(stored.Active.Number, stored.Active.Text, stored.Active.Since, active),
            stored.Building is { } kept ? new DeployedRules(kept.Number, kept.Text, kept.Since, building!) : null)
        {
            HasOtherEvaluator = !before.SequenceEqual(stored.Active.Parts),
            Added = stored.Building is null ? null : building!.Without(active),
        };
    }

    /// <summary>Marks the parts that this evaluator would fill in another way, and those that an earlier one did not know of.</summary>
    private static StoredDeployment Mark(StoredDeployment stored, RuleSet compiled, bool isOtherEvaluator)
    {
        var fingerprints = Parts(compiled.Definitions).ToDictionary(part => (part.Definition, part.IsIndex), part => part.Fingerprint);
        return stored with
        {
            Parts =
            [
                .. stored.Parts.Select(part => !isOtherEvaluator && fingerprints.GetValueOrDefault((part.Definition, part.IsIndex)) == part.Fingerprint
                    ? part
                    : part with { Fingerprint = "" }),
                .. fingerprints.Keys.Where(part => !stored.Parts.Any(known => (known.Definition, known.IsIndex) == part))
                    .Select(static part => new StoredPart(part.Definition, part.IsIndex, Fingerprint: "", Version: 0)), // nothing is stored under that
            ],
        };
    }

    private static StoredDeployment Plan(
        string text, IReadOnlyList<RuleDefinition> definitions, IReadOnlyList<StoredPart> known, int number, DateTimeOffset now, ref int version)
    {
        List<StoredPart> planned = [];
        foreach (var (definition, isIndex, fingerprint) in Parts(definitions))
        {
            var same = known.FirstOrDefault(part => part.Definition == definition && part.IsIndex == isIndex && part.Fingerprint == fingerprint);
            planned.Add(same ?? new StoredPart(definition, isIndex, fingerprint, ++version));
        }
        return new StoredDeployment(number, text, now, [.. definitions.Select(definition => definition.Fingerprint)], planned);
    }

    private static IEnumerable<(string Definition, bool IsIndex, string Fingerprint)> Parts(IReadOnlyList<RuleDefinition> definitions)
    {
        foreach (var definition in definitions)
        {
            yield return (definition.Name, false, definition.BucketFingerprint);
            if (definition.IndexFingerprint is { } index)
                yield return (definition.Name, true, index);
        }
    }

    private static IEnumerable<int> Gone(StoredDeployment? left, StoredDeployment[] kept) =>
        left is null ? [] : left.Parts.Select(part => part.Version).Where(version => !Array.Exists(kept, one => one.Has(version)));

    private static RuleSet? Compile(CompileRules compile, StoredDeployment stored) =>
        compile(stored.Text, stored.Versions(isIndex: false), stored.Versions(isIndex: true));

    private static RuleSet Compile(CompileRules compile, string text) =>
        compile(text, new Dictionary<string, int>(), new Dictionary<string, int>())
        ?? throw new ArgumentException("The rules do not compile.", nameof(text));

    private static string DigestOf(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
