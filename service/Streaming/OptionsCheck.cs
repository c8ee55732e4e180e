using Microsoft.Extensions.Options;

namespace TopGun.Buckets.Streaming;

/// <summary>Stops the process at start with every rule that an option breaks.</summary>
internal sealed class OptionsCheck<TOptions>(Func<TOptions, IEnumerable<string>> problemsOf) : IValidateOptions<TOptions>
    where TOptions : class
{
    public ValidateOptionsResult Validate(string? name, TOptions options)
    {
        var problems = problemsOf(options).ToList();
        return problems.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(problems);
    }
}
