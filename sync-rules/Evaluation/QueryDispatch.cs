using TopGun.Buckets.SyncRules.Compilation;
using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Sql;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>Finds the queries of a table that a row can match at all, so that a row costs by the queries it matches, not by all there are.</summary>
/// <remarks>Looks at conditions that compare a column with constants. A candidate's conditions are still checked, this one too.</remarks>
internal sealed class QueryDispatch
{
    // For fewer, asking each of them is as cheap.
    private const int FewestQueries = 4;

    private readonly CandidateSet _always;
    private readonly CandidateSet _candidates;
    private readonly ColumnDispatch[] _columns;

    /// <param name="queries">By number: the query's alternatives and where its columns are in the table.</param>
    public QueryDispatch(IReadOnlyList<(IReadOnlyList<RowMatch> Matches, int[] Positions)> queries)
    {
        _always = new CandidateSet(queries.Count);
        _candidates = new CandidateSet(queries.Count);
        var tests = queries.Select(query => query.Matches.Select(match => ColumnTest.LeadingOf(match, query.Positions)).ToArray()).ToArray();
        var distinctConstants = tests.SelectMany(query => query).SelectMany(match => match).GroupBy(test => test.Position)
            .ToDictionary(column => column.Key, column => column.SelectMany(test => test.Constants).Select(ConstantText).Distinct().Count());
        var byColumn = new SortedDictionary<int, List<int>>();
        for (var number = 0; number < tests.Length; number++)
        {
            // The column that tells most queries apart, of those that every alternative of this one tests.
            var columns = tests[number].Length == 0 ? [] : tests[number][0].Select(test => test.Position)
                .Where(position => tests[number].All(match => match.Exists(test => test.Position == position))).ToList();
            if (columns.Count == 0)
            {
                _always.Add(number);
                continue;
            }
            var best = columns.MaxBy(position => distinctConstants[position]);
            byColumn.TryAdd(best, []);
            byColumn[best].Add(number);
        }
        foreach (var number in byColumn.Values.Where(numbers => numbers.Count < FewestQueries).SelectMany(numbers => numbers))
            _always.Add(number);
        _columns =
        [
            .. byColumn.Where(column => column.Value.Count >= FewestQueries).Select(column => new ColumnDispatch(column.Key, queries.Count,
                [.. column.Value.Select(number => (number, tests[number].Select(match => match.Find(test => test.Position == column.Key)!).ToArray()))])),
        ];
    }

    /// <returns>Queries that the row may match; valid until the next row.</returns>
    public CandidateSet Candidates(EvaluationContext context)
    {
        if (_columns.Length == 0)
            return _always;
        _candidates.CopyFrom(_always);
        foreach (var column in _columns)
            column.AddCandidates(context, _candidates);
        return _candidates;
    }

    private static string ConstantText(SqlValue constant) => new ConstantExpression(constant).ToString();

    /// <summary>Queries that all test one column.</summary>
    /// <remarks>
    /// Sorted, the constants cut the possible values into places: below the first constant, the first constant itself, between the first two,
    /// and so on. Within one place every test has the same answer.
    /// </remarks>
    private sealed class ColumnDispatch
    {
        private readonly int _position;
        private readonly SqlValue[] _constants;
        private readonly long[] _integers; // the constants, where all are integers
        private readonly CandidateSet?[] _candidates; // by place; null for nobody

        public ColumnDispatch(int position, int queryCount, (int Number, ColumnTest[] Tests)[] queries)
        {
            _position = position;
            var sorted = queries.SelectMany(query => query.Tests).SelectMany(test => test.Constants).ToList();
            sorted.Sort((left, right) => SqlCompare.Compare(left, right));
            _constants = [.. sorted.Where((constant, index) => index == 0 || SqlCompare.Compare(sorted[index - 1], constant) != 0)];
            _integers = Array.TrueForAll(_constants, constant => constant.Kind == SqlKind.Integer) ? [.. _constants.Select(constant => constant.Integer)] : [];
            _candidates = new CandidateSet?[2 * _constants.Length + 1];
            foreach (var (number, tests) in queries)
            {
                foreach (var test in tests)
                {
                    foreach (var constant in test.Constants)
                        Enter(number, test, PlaceOf(constant), queryCount);
                }
            }
        }

        private void Enter(int number, ColumnTest test, int constant, int queryCount)
        {
            var isEqual = test.Comparison == BinaryOperator.Equal;
            for (var place = isEqual ? constant : 0; place < (isEqual ? constant + 1 : _candidates.Length); place++)
            {
                if (test.Holds(place.CompareTo(constant)))
                    (_candidates[place] ??= new CandidateSet(queryCount)).Add(number);
            }
        }

        public void AddCandidates(EvaluationContext context, CandidateSet target)
        {
            var value = context.Column(_position);
            if (!value.IsNull && _candidates[PlaceOf(value)] is { } candidates)
                target.Add(candidates);
        }

        /// <summary>Odd for a constant, even for what lies between two.</summary>
        private int PlaceOf(in SqlValue value)
        {
            if (value.Kind == SqlKind.Integer && _integers.Length > 0)
            {
                var index = _integers.AsSpan().BinarySearch(value.Integer);
                return index >= 0 ? 2 * index + 1 : 2 * ~index;
            }
            var (low, high) = (0, _constants.Length - 1);
            while (low <= high)
            {
                var middle = (low + high) / 2;
                var order = SqlCompare.Compare(value, _constants[middle]);
                if (order == 0)
                    return 2 * middle + 1;
                if (order < 0)
                    high = middle - 1;
                else
                    low = middle + 1;
            }
            return 2 * low;
        }
    }
}
