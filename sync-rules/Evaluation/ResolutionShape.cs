using System.Text;
using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>What every run of one resolution plan has in common, worked out once.</summary>
/// <remarks>
/// A possibility has one column for each output of each source. Values are found by slot: the column, or the complement of the position among the
/// request's own values.
/// </remarks>
internal sealed class ResolutionShape
{
    private readonly List<Expression> _requestExpressions = [];
    private readonly int[] _firstColumns;

    /// <param name="plan">The plan.</param>
    /// <param name="bucketPrefix">Name of the buckets without their key values.</param>
    /// <param name="indexPrefixOf">What the keys of an index start with.</param>
    public ResolutionShape(ResolutionPlan plan, string bucketPrefix, Func<LookupPlan, string> indexPrefixOf)
    {
        Plan = plan;
        BucketPrefix = Encoding.UTF8.GetBytes(bucketPrefix + "[");
        LookupPrefixes = [.. plan.Sources.Select(source => source is LookupRows lookup ? Encoding.UTF8.GetBytes(indexPrefixOf(lookup.Lookup) + "[") : [])];
        _firstColumns = new int[plan.Sources.Count];
        for (var index = 0; index < plan.Sources.Count; index++)
        {
            _firstColumns[index] = ColumnCount;
            ColumnCount += OutputCount(plan.Sources[index]);
        }
        Keys = [.. plan.Keys.Select(values => values.Select(SlotOf).ToArray())];
        LookupKeys = [.. plan.Sources.Select(source => source is LookupRows lookup ? lookup.Keys.Select(SlotOf).ToArray() : [])];
        LastUse = LastUses();
        BucketKey = [.. Keys.Select(slots => slots[0])];
        HasAgreements = Array.Exists(Keys, slots => slots.Length > 1);
    }

    public ResolutionPlan Plan { get; }

    public int ColumnCount { get; }

    /// <summary>What the buckets' names begin with, up to the first key value.</summary>
    public byte[] BucketPrefix { get; }

    /// <summary>What each lookup's keys begin with, by source.</summary>
    public byte[][] LookupPrefixes { get; }

    /// <summary>For each key of the family the slots that must agree.</summary>
    public int[][] Keys { get; }

    /// <summary>Slots of the values in bucket names.</summary>
    public int[] BucketKey { get; }

    /// <summary>Slots of each lookup's keys, by source.</summary>
    public int[][] LookupKeys { get; }

    /// <summary>Whether any key is fed by several values.</summary>
    public bool HasAgreements { get; }

    /// <summary>By column: the last source that needs it.</summary>
    public int[] LastUse { get; }

    /// <summary>What is evaluated over the request, in the order of the complements of its slots.</summary>
    public IReadOnlyList<Expression> RequestExpressions => _requestExpressions;

    /// <summary>First column of a source's outputs.</summary>
    public int FirstColumn(int source) => _firstColumns[source];

    /// <summary>The source that gives a column.</summary>
    public int SourceOf(int column)
    {
        var source = _firstColumns.Length - 1;
        while (_firstColumns[source] > column)
            source--;
        return source;
    }

    /// <summary>Empties the columns of a possibility that nothing after a source needs.</summary>
    public void BlankUnneeded(Span<ReadOnlyMemory<byte>> possibility, int source)
    {
        for (var column = 0; column < possibility.Length; column++)
        {
            if (LastUse[column] <= source)
                possibility[column] = default;
        }
    }

    private int SlotOf(ResolvedValue value)
    {
        if (value.Expression is null)
            return _firstColumns[value.Source] + value.Output;
        _requestExpressions.Add(value.Expression);
        return ~(_requestExpressions.Count - 1);
    }

    private int[] LastUses()
    {
        var lastUse = new int[ColumnCount];
        for (var source = 0; source < LookupKeys.Length; source++)
            Mark(LookupKeys[source], source);
        foreach (var slots in Keys)
            Mark(slots, int.MaxValue);
        return lastUse;

        void Mark(int[] slots, int use)
        {
            foreach (var slot in slots)
            {
                if (slot >= 0)
                    lastUse[slot] = use;
            }
        }
    }

    private static int OutputCount(ResolutionSource source) => source switch
    {
        RequestRows rows => rows.Outputs.Count,
        LookupRows lookup => lookup.Lookup.Outputs.Count,
        _ => throw new InvalidOperationException("Unknown kind of source."),
    };
}
