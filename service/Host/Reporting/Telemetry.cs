using System.Diagnostics.Metrics;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Host;

/// <summary>
/// Sends what is measured, and spans of transactions and of streams that open, to an OpenTelemetry collector, when the standard variable
/// <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> names one. All of the exporter's variables count.
/// </summary>
internal sealed class Telemetry : IHostedService, IDisposable
{
    private const string Rooms = "TopGun.Buckets.*";
    private const string EndpointVariable = "OTEL_EXPORTER_OTLP_ENDPOINT";

    private readonly MeterProvider? _metrics;
    private readonly TracerProvider? _traces;

    public Telemetry(IMeterFactory meters, ReplicationMonitor monitor, IServiceProvider services)
    {
        ReplicationMetrics.Observe(monitor, meters.Create("TopGun.Buckets.Replication"));
        if (services.GetService<ReplicationPump>() is { } pump)
            BucketLogMetrics.Observe(pump.Writer, meters.Create("TopGun.Buckets.BucketLog"));

        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(EndpointVariable)))
            return;
        var resource = ResourceBuilder.CreateDefault()
            .AddService("topgun", serviceVersion: ProgramVersion.Text)
            .AddEnvironmentVariableDetector(); // OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
        _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Rooms).AddMeter("System.Runtime").AddOtlpExporter().Build();
        _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(Rooms).AddOtlpExporter().Build();
    }

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Sends what has not left yet.</summary>
    public void Dispose()
    {
        _metrics?.Dispose();
        _traces?.Dispose();
    }
}
