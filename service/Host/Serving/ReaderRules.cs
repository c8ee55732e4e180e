using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Streaming;
using TopGun.Buckets.SyncRules;

namespace TopGun.Buckets.Host;

/// <summary>The rules of a process that only reads: its file, once that is what the store was filled by.</summary>
internal sealed class ReaderRules(ServiceSettings settings) : IActiveRules
{
    private volatile RuleSet? _current;

    public RuleSet? Current => _current;

    /// <summary>Reads the file again and compares it with the store.</summary>
    /// <exception cref="RulesDifferException">It is another.</exception>
    public async ValueTask LoadAsync(IColdStorage storage, CancellationToken cancellationToken)
    {
        _current = null;
        try
        {
            var yaml = await RulesFile.ReadTextAsync(settings.RulesPath, cancellationToken);
            var rules = RulesFile.Compile(settings.RulesPath, yaml, new RuleSetOptions());
            var plan = await RulesRegistry.PlanAsync(storage, rules.Definitions, cancellationToken);
            if (plan.IsChanged)
                throw new RulesDifferException();
            _current = RulesFile.Compile(settings.RulesPath, yaml, new RuleSetOptions { Versions = plan.Versions, BucketLimit = settings.MaxBuckets });
        }
        catch (BucketsException failure) when (failure is SettingException or RulesRefusedException)
        {
            throw new RulesDifferException(failure);
        }
    }
}
