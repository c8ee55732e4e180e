using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Host;

/// <summary>Deploys the rules file when it is another than the one taken over last: at the start, and later whenever it changes.</summary>
/// <remarks>
/// The file is looked at now and then instead of being told of changes: mounted files and links that are replaced, as container engines do it, are
/// told of in no reliable way.
/// </remarks>
internal sealed partial class RulesFileWatch(
    ServiceSettings settings, LogRules rules, Deployments deployments, ReplicationMonitor monitor, TimeProvider time, ILogger<RulesFileWatch> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private readonly string _path = settings.RulesPath!;

    private string? _refused; // a text that is not tried again
    private string? _problem; // told once

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            while (!await TryTakeOverAsync(stoppingToken) || settings.WatchesRules)
                await Task.Delay(Interval, time, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // The service ends.
        }
    }

    /// <summary>Takes the file over if it is new; false when that has to be tried again.</summary>
    private async Task<bool> TryTakeOverAsync(CancellationToken cancellationToken)
    {
        if (monitor.Current.State is null)
            return false; // the source has not been reached yet
        string? text = null;
        try
        {
            if (rules is { IsStale: true, Building: null })
                await DeployAsync(rules.Active.Text, isFile: false, cancellationToken);
            text = await RulesFile.ReadTextAsync(_path, cancellationToken);
            if (text != _refused && !rules.KnowsFile(text))
                await DeployAsync(text, isFile: true, cancellationToken);
            _problem = null;
            return true;
        }
        catch (DeploymentRefusedException refused)
        {
            _refused = text;
            Log.Refused(logger, _path, refused.Message);
            return true;
        }
        catch (BucketsException failure)
        {
            if (_problem != failure.Message)
                Log.Postponed(logger, failure.Code, failure.Message);
            _problem = failure.Message;
            return false;
        }
    }

    private async Task DeployAsync(string text, bool isFile, CancellationToken cancellationToken)
    {
        var (outcome, warnings) = await deployments.DeployAsync(text, isFile, fillsAnew: false, cancellationToken);
        foreach (var warning in warnings)
            Log.Warned(logger, warning);
        Log.Deployed(logger, isFile ? _path : "stored", outcome);
    }

    private static partial class Log
    {
        [LoggerMessage(1030, LogLevel.Information, "Rules {File}: {Outcome}.")]
        public static partial void Deployed(ILogger logger, string file, DeployOutcome outcome);

        [LoggerMessage(1031, LogLevel.Error, "Rules {File} are not deployed until they change again. {Message}")]
        public static partial void Refused(ILogger logger, string file, string message);

        [LoggerMessage(1032, LogLevel.Warning, "The rules file cannot be deployed yet ({Code}: {Message}); trying again.")]
        public static partial void Postponed(ILogger logger, string code, string message);

        [LoggerMessage(1033, LogLevel.Warning, "{Warning}")]
        public static partial void Warned(ILogger logger, string warning);
    }
}
