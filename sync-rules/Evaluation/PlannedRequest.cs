using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>One resolution plan for one request or subscription: its conditions, its own values, and what they name together with those of records.</summary>
/// <remarks>
/// A possibility is a row of text fragments, one per output of the sources so far, each as it stands in bucket names. Values that stem from
/// one record stay together because they are columns of one row.
/// </remarks>
/// <param name="shape">The plan.</param>
/// <param name="request">The request, with the parameters of one subscription.</param>
/// <param name="context">For evaluating; what is kept in its memory lasts as long as this.</param>
/// <param name="nullIsText">JSON null is the text <c>null</c>.</param>
internal sealed class PlannedRequest(ResolutionShape shape, RequestValues request, EvaluationContext context, bool nullIsText)
{
    private readonly ReadOnlyMemory<byte>[] _values = // an empty one is a value that cannot be part of a name
        shape.RequestExpressions.Count == 0 ? [] : new ReadOnlyMemory<byte>[shape.RequestExpressions.Count];

    public ResolutionShape Shape => shape;

    public ResolutionPlan Plan => shape.Plan;

    public RequestValues Request => request;

    /// <summary>Evaluates the request's own conditions and values: false when it has no buckets by this plan.</summary>
    /// <exception cref="EvaluationException">The request does not allow an answer.</exception>
    public bool Start()
    {
        context.Request = request;
        var passes = true;
        foreach (var filter in Plan.Filters)
            passes &= SqlCompare.IsTrue(filter.Evaluate(context)); // one that fails does so whatever the others say
        if (!passes)
            return false;
        // At once, so that what fails here fails before anything was looked up.
        for (var index = 0; index < _values.Length; index++)
            _values[index] = Fragments.Of(shape.RequestExpressions[index].Evaluate(context), context.Scratch);
        return Agrees(new ReadOnlyMemory<byte>[shape.ColumnCount], known: 0);
    }

    /// <summary>Whether the values known by now, of the request and of the first sources, are the same where one key has several.</summary>
    public bool Agrees(ReadOnlySpan<ReadOnlyMemory<byte>> possibility, int known)
    {
        if (!shape.HasAgreements)
            return true;
        foreach (var slots in shape.Keys)
        {
            ReadOnlyMemory<byte> first = default;
            foreach (var slot in slots)
            {
                if (slot >= 0 && shape.SourceOf(slot) >= known)
                    continue;
                var fragment = Fragment(slot, possibility);
                if (fragment.IsEmpty || (!first.IsEmpty && !fragment.Span.SequenceEqual(first.Span)))
                    return false;
                first = fragment;
            }
        }
        return true;
    }

    /// <summary>Key of what a possibility looks up in a source; false when that finds nothing, as null never equals anything.</summary>
    public bool TryLookupKey(ReadOnlySpan<ReadOnlyMemory<byte>> possibility, int source, ByteBuffer target)
    {
        target.Clear();
        target.Add(shape.LookupPrefixes[source]);
        return TryAddKey(target, possibility, shape.LookupKeys[source], keepsNull: false);
    }

    /// <summary>Name of the bucket of a possibility; one with a null may have none.</summary>
    public bool TryBucketName(ReadOnlySpan<ReadOnlyMemory<byte>> possibility, ByteBuffer target)
    {
        target.Clear();
        target.Add(shape.BucketPrefix);
        return TryAddKey(target, possibility, shape.BucketKey, Plan.KeepsNull);
    }

    /// <summary>The rows of a JSON value of the request.</summary>
    /// <exception cref="EvaluationException">The value has no rows.</exception>
    public FragmentRows RecordsOf(RequestRows rows)
    {
        context.Request = request;
        context.EachKeys = new SqlValue[rows.Each.Index + 1];
        context.EachValues = new SqlValue[rows.Each.Index + 1];
        var records = new FragmentRows(rows.Outputs.Count, 0);
        var reader = Open(rows.Each);
        while (reader.TryRead(out context.EachKeys[rows.Each.Index], out context.EachValues[rows.Each.Index]))
        {
            if (Passes(rows) && !TryEvaluate(rows.Outputs, records.Add()))
                records.RemoveLast();
        }
        if (rows.Each.IsMembership && rows.Outputs.Count == 1)
            records.RemoveRepeated();
        return records;
    }

    // Adds the values and the bracket that ends them.
    private bool TryAddKey(ByteBuffer target, ReadOnlySpan<ReadOnlyMemory<byte>> possibility, int[] slots, bool keepsNull)
    {
        for (var index = 0; index < slots.Length; index++)
        {
            var fragment = Fragment(slots[index], possibility);
            if (fragment.IsEmpty || (!keepsNull && Fragments.IsNull(fragment)))
                return false;
            if (index > 0)
                target.Add((byte)',');
            target.Add(fragment.Span);
        }
        target.Add((byte)']');
        return true;
    }

    private ReadOnlyMemory<byte> Fragment(int slot, ReadOnlySpan<ReadOnlyMemory<byte>> possibility) => slot >= 0 ? possibility[slot] : _values[~slot];

    private EachReader Open(EachSource each)
    {
        try
        {
            return new EachReader(each, each.Input.Evaluate(context), context.Scratch, nullIsText);
        }
        catch (EvaluationException) when (each.IsMembership && Plan.KeepsNull)
        {
            return default; // in bucket definitions a list of IN that is no array simply matches nothing
        }
    }

    private bool Passes(RequestRows rows)
    {
        foreach (var filter in rows.Filters)
        {
            if (!SqlCompare.IsTrue(filter.Evaluate(context)))
                return false;
        }
        return true;
    }

    private bool TryEvaluate(IReadOnlyList<Expression> outputs, Span<ReadOnlyMemory<byte>> target)
    {
        var isComplete = true;
        for (var index = 0; index < target.Length; index++)
        {
            target[index] = Fragments.Of(outputs[index].Evaluate(context), context.Scratch);
            isComplete &= !target[index].IsEmpty && (Plan.KeepsNull || !Fragments.IsNull(target[index]));
        }
        return isComplete;
    }
}
