using TopGun.Buckets.SyncRules.Expressions;
using TopGun.Buckets.SyncRules.Values;

namespace TopGun.Buckets.SyncRules.Functions;

internal delegate SqlValue ScalarBody(ReadOnlySpan<SqlValue> arguments, EvaluationContext context);

/// <summary>A scalar function of the language.</summary>
/// <param name="Name">In lower case.</param>
/// <param name="MinArguments">Fewer are a mistake.</param>
/// <param name="MaxArguments">More are a mistake.</param>
/// <param name="Apply">A function of its arguments; memory comes from the context.</param>
internal sealed record ScalarFunction(string Name, int MinArguments, int MaxArguments, ScalarBody Apply);
