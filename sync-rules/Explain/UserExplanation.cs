namespace TopGun.Buckets.SyncRules.Explain;

/// <summary>Which buckets a request gets, and why.</summary>
/// <param name="Buckets">All of them, as the service resolves them, ordered by name; none when there is a problem.</param>
/// <param name="Definitions">Every bucket definition and stream of the rules, in file order.</param>
/// <param name="Notes">What is odd about the request, such as a subscription to a stream that does not exist.</param>
/// <param name="Problem">Why the whole request fails, or null.</param>
public sealed record UserExplanation(
    IReadOnlyList<ExplainedBucket> Buckets,
    IReadOnlyList<ExplainedDefinition> Definitions,
    IReadOnlyList<string> Notes,
    string? Problem);

/// <summary>One bucket of the request.</summary>
/// <param name="Name">Full name, without the version number that a running service may put in front.</param>
/// <param name="Priority">0 is the most urgent.</param>
/// <param name="Definition">Bucket definition or stream.</param>
/// <param name="Subscriptions">Positions of the subscriptions that ask for it; −1 stands for "by default".</param>
public sealed record ExplainedBucket(string Name, int Priority, string Definition, IReadOnlyList<int> Subscriptions);

/// <summary>One bucket definition or stream, and a request.</summary>
/// <param name="Name">As in the rules.</param>
/// <param name="IsStream">Whether clients subscribe to it.</param>
/// <param name="Ways">One for each query, alternative and subscription.</param>
/// <param name="Buckets">Names of its buckets.</param>
/// <param name="Problem">Why it cannot be resolved, or why it was not asked for; null when it was resolved.</param>
public sealed record ExplainedDefinition(
    string Name, bool IsStream, IReadOnlyList<ExplainedWay> Ways, IReadOnlyList<string> Buckets, string? Problem);

/// <summary>One way in which a request finds buckets.</summary>
/// <param name="Family">Name of the buckets without their key values.</param>
/// <param name="Query">The query it comes from, as written; empty for a definition without parameters.</param>
/// <param name="Line">1-based line of the file, or 0.</param>
/// <param name="Subscription">Position of the subscription; −1 for "by default".</param>
/// <param name="Priority">Priority of its buckets.</param>
/// <param name="Conditions">Conditions on the request; all must be true.</param>
/// <param name="Stages">What is looked up, in order.</param>
/// <param name="Keys">Where the key values of the buckets come from, in the order of the name.</param>
/// <param name="Buckets">Names of the buckets found this way.</param>
/// <param name="WhyNone">Why there are none; null when there are.</param>
public sealed record ExplainedWay(
    string Family,
    string Query,
    int Line,
    int Subscription,
    int Priority,
    IReadOnlyList<ExplainedTerm> Conditions,
    IReadOnlyList<ExplainedStage> Stages,
    IReadOnlyList<ExplainedKey> Keys,
    IReadOnlyList<string> Buckets,
    string? WhyNone);

/// <summary>One key value of bucket names.</summary>
/// <param name="Text">Where it comes from.</param>
/// <param name="Value">Its value when it is of the request; null when rows that are found decide it.</param>
public sealed record ExplainedKey(string Text, ExplainedValue? Value);

/// <summary>One step of finding buckets: rows of a table, or elements of a JSON value of the request.</summary>
/// <param name="Table">Schema and name of the table; null for elements of the request.</param>
/// <param name="Source">What is read: the table, or the expression.</param>
/// <param name="Links">What connects the rows with the request, such as <c>user_id = request.user_id()</c>.</param>
/// <param name="Filters">Conditions on the rows alone.</param>
/// <param name="Finds">One for each key that was looked up; a single one without key for elements of the request.</param>
/// <param name="IsReached">Whether anything could be looked up: an earlier step may have found nothing.</param>
public sealed record ExplainedStage(
    string? Table,
    string Source,
    IReadOnlyList<string> Links,
    IReadOnlyList<string> Filters,
    IReadOnlyList<ExplainedFind> Finds,
    bool IsReached);

/// <summary>What one key found.</summary>
/// <param name="Key">The key; empty for elements of the request.</param>
/// <param name="Rows">The rows.</param>
public sealed record ExplainedFind(IReadOnlyList<ExplainedColumn> Key, IReadOnlyList<ExplainedFound> Rows);

/// <summary>One row that was found.</summary>
/// <param name="Row">Which one it is, such as <c>id = 7</c>.</param>
/// <param name="Gives">What it gives to later steps and to bucket names.</param>
/// <param name="WhyNot">Why it does not count, or null.</param>
public sealed record ExplainedFound(string Row, IReadOnlyList<ExplainedColumn> Gives, string? WhyNot);
