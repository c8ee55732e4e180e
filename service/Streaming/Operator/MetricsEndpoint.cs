using System.Diagnostics.Metrics;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Options;

namespace TopGun.Buckets.Streaming.Operator;

/// <summary><c>GET /metrics</c>: what all rooms and the runtime measure, as Prometheus scrapes it.</summary>
/// <remarks>Takes the operator token: how busy a service is, is nobody else's business, and the address is that of the clients.</remarks>
internal sealed class MetricsEndpoint : IDisposable
{
    private const string Runtime = "System.Runtime";

    // https://prometheus.io/docs/instrumenting/exposition_formats/
    private const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private readonly IOptions<OperatorOptions> _options;
    private readonly MeterListener _listener = new();
    private readonly Lock _gate = new();
    private readonly List<CollectedInstrument> _instruments = [];

    public MetricsEndpoint(IMeterFactory meters, IOptions<OperatorOptions> options)
    {
        _options = options;
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // Meters of other services in the same process have other factories.
            if (!ReferenceEquals(instrument.Meter.Scope, meters) && instrument.Meter.Name != Runtime)
                return;
            var collected = new CollectedInstrument(instrument);
            lock (_gate)
                _instruments.Add(collected);
            listener.EnableMeasurementEvents(instrument, collected);
        };
        _listener.SetMeasurementEventCallback<int>(static (_, value, tags, collected) => ((CollectedInstrument)collected!).Record(value, tags));
        _listener.SetMeasurementEventCallback<long>(static (_, value, tags, collected) => ((CollectedInstrument)collected!).Record(value, tags));
        _listener.SetMeasurementEventCallback<double>(static (_, value, tags, collected) => ((CollectedInstrument)collected!).Record(value, tags));
        _listener.Start();
    }

    public Task HandleAsync(HttpContext http)
    {
        OperatorAccess.Require(http, _options.Value);
        http.Response.ContentType = ContentType;
        return http.Response.WriteAsync(Text(), http.RequestAborted);
    }

    public void Dispose() => _listener.Dispose();

    private string Text()
    {
        var output = new StringBuilder();
        lock (_gate)
        {
            foreach (var instrument in _instruments)
                instrument.BeginLook();
            _listener.RecordObservableInstruments();
            foreach (var same in _instruments.GroupBy(static instrument => instrument.Name).OrderBy(static group => group.Key, StringComparer.Ordinal))
            {
                var first = same.First();
                output.Append("# HELP ").Append(same.Key).Append(' ').Append(first.Description.ReplaceLineEndings(" ")).Append('\n');
                output.Append("# TYPE ").Append(same.Key).Append(' ').Append(first.Kind).Append('\n');
                foreach (var instrument in same)
                    instrument.Write(output);
            }
        }
        return output.ToString();
    }
}
