namespace TopGun.Buckets.SyncRules;

/// <summary>An expression could not be evaluated for one row or one request. The message holds no data of it.</summary>
internal sealed class EvaluationException(string message) : Exception(message);
