using TopGun.Buckets.SyncRules.Expressions;

namespace TopGun.Buckets.SyncRules.Compilation;

/// <summary>Turns an alternative of a match into what the row side evaluates.</summary>
internal static class RowMatches
{
    /// <param name="alternative">Bindings of parameters to row values.</param>
    /// <param name="parameters">Keys of the parameters in key order. A parameter bound twice must have one value.</param>
    public static RowMatch Of(MatchAlternative alternative, IReadOnlyList<string> parameters)
    {
        var each = new List<EachSource>();
        var keys = new List<Expression>();
        var equalities = new List<(Expression Left, Expression Right)>();
        foreach (var parameter in parameters)
        {
            Expression? key = null;
            foreach (var (name, binding) in alternative.Bindings)
            {
                if (name != parameter)
                    continue;
                var value = binding.Value;
                if (binding.IsArray)
                {
                    value = new EachExpression(each.Count, binding.Value.ToString(), isKey: false);
                    each.Add(new EachSource(binding.Value, IsMembership: true, each.Count));
                }
                if (key is null)
                    key = value;
                else
                    equalities.Add((key, value));
            }
            if (key is not null)
                keys.Add(key);
        }
        return new RowMatch(alternative.Filters, each, keys, equalities);
    }
}
