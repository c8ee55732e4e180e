using System.Text.Json.Nodes;
using TopGun.Buckets.Tests.Torture.Checks;

namespace TopGun.Buckets.Tests.Torture;

/// <summary>How much of what matters happened in a run: one in which nothing did proves nothing.</summary>
internal sealed class Totals
{
    private readonly SortedDictionary<Fault, int> _strikes = [];
    private int _deviceTransactions;
    private int _sourceTransactions;

    public int Transactions => Volatile.Read(ref _deviceTransactions) + Volatile.Read(ref _sourceTransactions);

    public int Strikes
    {
        get
        {
            lock (_strikes)
                return _strikes.Values.Sum();
        }
    }

    /// <summary>Processes that were ended with SIGKILL.</summary>
    public int Kills
    {
        get
        {
            lock (_strikes)
                return _strikes.Where(strike => strike.Key is Fault.KillClient or Fault.KillService or Fault.KillSource).Sum(strike => strike.Value);
        }
    }

    public void Note(Fault fault)
    {
        lock (_strikes)
            _strikes[fault] = _strikes.GetValueOrDefault(fault) + 1;
    }

    public void NoteTransaction(bool ofDevice) => Interlocked.Increment(ref ofDevice ? ref _deviceTransactions : ref _sourceTransactions);

    /// <summary>The line that a run ends with.</summary>
    public JsonObject Describe(TortureOptions options, Findings findings, ProcessSize largest, TimeSpan time)
    {
        lock (_strikes)
        {
            return new JsonObject
            {
                ["seed"] = options.Seed,
                ["clients"] = options.Clients,
                ["rate"] = options.Rate,
                ["seconds"] = (int)options.Length.TotalSeconds,
                ["writers"] = options.Writers.ToString().ToLowerInvariant(),
                ["verdict"] = findings.Verdict.ToString(),
                ["exit_code"] = (int)findings.Verdict,
                ["findings"] = new JsonArray([.. findings.All.Select(found => (JsonNode)$"{found.Verdict}: {found.Sentence}")]),
                ["device_transactions"] = _deviceTransactions,
                ["source_transactions"] = _sourceTransactions,
                ["kills"] = _strikes.Where(strike => strike.Key is Fault.KillClient or Fault.KillService or Fault.KillSource).Sum(strike => strike.Value),
                ["strikes"] = new JsonObject(_strikes.Select(strike => KeyValuePair.Create(strike.Key.ToString(), (JsonNode?)strike.Value))),
                ["checks"] = new JsonObject(findings.Checks.Select(check => KeyValuePair.Create(check.Key, (JsonNode?)check.Value))),
                ["largest_mib"] = largest.MemoryBytes >> 20,
                ["most_handles"] = largest.Handles,
                ["wall_seconds"] = Math.Round(time.TotalSeconds, 1),
            };
        }
    }
}
