using System.Buffers;
using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using TopGun.Buckets.Tests.Benchmarks.Source;

namespace TopGun.Buckets.Tests.Benchmarks.Service;

/// <summary>A lean client of the service: reads the stream from the start and verifies every complete checkpoint, but keeps no rows.</summary>
internal sealed class SyncStream : IDisposable
{
    private readonly HttpResponseMessage _response;
    private readonly LineReader _lines;
    private readonly Dictionary<string, HeldBucket> _buckets = new(StringComparer.Ordinal);
    private long _pendingMarker;

    private SyncStream(HttpResponseMessage response, Stream body)
    {
        _response = response;
        _lines = new LineReader(body);
    }

    /// <summary>Operations received.</summary>
    public long Ops { get; private set; }

    public long Bytes => _lines.BytesRead;

    /// <summary>The highest marker that a complete checkpoint covers.</summary>
    public long MarkerSeen { get; private set; }

    /// <summary>When the last complete checkpoint had been verified, as a <see cref="Stopwatch"/> timestamp.</summary>
    public long CompletedAt { get; private set; }

    /// <summary>Checksum and last operation of each bucket.</summary>
    public IReadOnlyDictionary<string, (uint Checksum, ulong LastOpId)> Held =>
        _buckets.ToDictionary(bucket => bucket.Key, bucket => (bucket.Value.Checksum, bucket.Value.LastOpId), StringComparer.Ordinal);

    /// <exception cref="HttpRequestException">The service is not there yet, or not ready.</exception>
    public static async Task<SyncStream> OpenAsync(HttpClient http, Uri service, string token, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(service, "sync/stream"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token);
        request.Headers.Accept.ParseAdd("application/x-ndjson");
        request.Content = JsonContent.Create(new
        {
            buckets = Array.Empty<object>(),
            include_checksum = true,
            raw_data = true,
            client_id = Guid.NewGuid().ToString(),
        });
        var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        if (response.StatusCode == HttpStatusCode.OK)
            return new SyncStream(response, await response.Content.ReadAsStreamAsync(cancellationToken));

        using (response)
        {
            var reason = await response.Content.ReadAsStringAsync(cancellationToken);
            throw new HttpRequestException($"{(int)response.StatusCode}: {reason}", null, response.StatusCode);
        }
    }

    /// <summary>Reads up to and with the next complete checkpoint.</summary>
    /// <exception cref="InvalidDataException">What came is not what was announced.</exception>
    public Task ReadCheckpointAsync(CancellationToken cancellationToken) => ReadCheckpointAsync(recording: null, cancellationToken);

    /// <summary>The same, and keeps the lines.</summary>
    public async Task ReadCheckpointAsync(IBufferWriter<byte>? recording, CancellationToken cancellationToken)
    {
        var complete = false;
        while (!complete)
        {
            var line = await _lines.ReadAsync(cancellationToken);
            complete = Handle(line.Span);
            recording?.Write(line.Span);
            recording?.Write("\n"u8);
        }
    }

    /// <summary>Reads until a complete checkpoint covers a marker.</summary>
    public async Task ReadUntilAsync(long marker, CancellationToken cancellationToken)
    {
        while (MarkerSeen < marker)
            await ReadCheckpointAsync(cancellationToken);
    }

    public void Dispose() => _response.Dispose();

    /// <returns>Whether a checkpoint is complete.</returns>
    private bool Handle(ReadOnlySpan<byte> line)
    {
        if (line.StartsWith("{\"data\":"u8))
            Receive(line);
        else if (line.StartsWith("{\"checkpoint\":"u8))
            Announce(line, "checkpoint", "buckets");
        else if (line.StartsWith("{\"checkpoint_diff\":"u8))
            Announce(line, "checkpoint_diff", "updated_buckets");
        else if (line.StartsWith("{\"checkpoint_complete\":"u8))
            return Complete();
        return false;
    }

    private void Receive(ReadOnlySpan<byte> line)
    {
        var name = BucketName(line);
        if (!_buckets.TryGetValue(name, out var bucket))
            throw new InvalidDataException($"Bucket {name} was not announced.");

        var totals = OpScanner.Scan(line, bucket.LastOpId);
        bucket.LastOpId = totals.LastOpId;
        bucket.Checksum = unchecked((totals.Cleared ? 0 : bucket.Checksum) + totals.Checksum);
        Ops += totals.Ops;
        if (name.Contains("global", StringComparison.Ordinal))
            _pendingMarker = Math.Max(_pendingMarker, Marker.Find(line));
    }

    private static string BucketName(ReadOnlySpan<byte> line)
    {
        var reader = new Utf8JsonReader(line);
        reader.Read(); // {
        reader.Read(); // "data"
        reader.Read(); // {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var found = reader.ValueTextEquals("bucket"u8);
            reader.Read();
            if (found)
                return reader.GetString()!;
            reader.Skip();
        }
        throw new InvalidDataException("A data line names no bucket.");
    }

    private void Announce(ReadOnlySpan<byte> line, string kind, string list)
    {
        var reader = new Utf8JsonReader(line);
        using var message = JsonDocument.ParseValue(ref reader);
        var checkpoint = message.RootElement.GetProperty(kind);
        var gone = kind == "checkpoint"
            ? _buckets.Keys.Except(checkpoint.GetProperty(list).EnumerateArray().Select(bucket => bucket.GetProperty("bucket").GetString()!))
            : checkpoint.GetProperty("removed_buckets").EnumerateArray().Select(bucket => bucket.GetString()!);
        foreach (var name in gone.ToList())
            _buckets.Remove(name);

        foreach (var announced in checkpoint.GetProperty(list).EnumerateArray())
        {
            var name = announced.GetProperty("bucket").GetString()!;
            if (!_buckets.TryGetValue(name, out var bucket))
                bucket = _buckets[name] = new HeldBucket();
            bucket.Announced = announced.GetProperty("checksum").GetUInt32();
        }
    }

    private bool Complete()
    {
        foreach (var (name, bucket) in _buckets)
        {
            if (bucket.Checksum != bucket.Announced)
                throw new InvalidDataException($"Bucket {name} has checksum {bucket.Checksum}, but {bucket.Announced} was announced.");
        }
        MarkerSeen = _pendingMarker;
        CompletedAt = Stopwatch.GetTimestamp();
        return true;
    }

    private sealed class HeldBucket
    {
        public uint Announced { get; set; }

        public uint Checksum { get; set; }

        public ulong LastOpId { get; set; }
    }
}
