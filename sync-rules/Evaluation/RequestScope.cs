using TopGun.Buckets.SyncRules.Expressions;

namespace TopGun.Buckets.SyncRules.Evaluation;

/// <summary>What the runs of one request share. One of them works at a time.</summary>
/// <param name="Context">For evaluating; what is kept in its memory lasts as long as the request.</param>
/// <param name="Lookups">What was looked up.</param>
/// <param name="Limits">Of the request.</param>
/// <param name="NullIsText">JSON null is the text <c>null</c>.</param>
internal sealed record RequestScope(EvaluationContext Context, RequestLookups Lookups, RequestLimits Limits, bool NullIsText);
