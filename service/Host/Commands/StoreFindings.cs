using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Host;

/// <summary>What the doctor says of the store, of damage and of rows that are left out: read from the store, or told by the service that has it.</summary>
internal static class StoreFindings
{
    private const int MostShown = 20; // the rest is counted
    private const string Damage = "TGB2003";
    private const string InUse = "TGB2002";
    private const string NoStore = "TGB2006";

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);

    public static async Task<IReadOnlyList<DoctorFinding>> FindAsync(SettingReader settings, CancellationToken cancellationToken)
    {
        if (settings.Read(SettingList.StoreBackend) == StoreBackend.Null)
            return [];
        try
        {
            await using var storage = await StoreAddress.Configured(settings).OpenToReadAsync(cancellationToken);
            return
            [
                await DamageAsync(storage, cancellationToken),
                .. Describe([.. (await SkippedRow.ReadAllAsync(storage, cancellationToken)).OrderByDescending(row => row.Position)]),
            ];
        }
        catch (BucketsException failure) when (failure.Code == NoStore)
        {
            return []; // the service will make one
        }
        catch (BucketsException failure) when (failure.Code == InUse)
        {
            return settings.Find(SettingList.ApiToken) is { } token
                ? await AskAsync(settings.Read(SettingList.Listen), settings.Find(SettingList.TlsCertificate), token, cancellationToken)
                : [NotAsked("A service has the store", "set TOPGUN_API_TOKEN as the service has it")];
        }
        catch (BucketsException failure) when (failure.Code == Damage)
        {
            return [new DoctorFinding(failure.Code, FindingSeverity.Error, failure.Message, Remedy: null)]; // so it will stop the service
        }
        catch (BucketsException failure) when (failure is not SettingException)
        {
            return [new DoctorFinding(failure.Code, FindingSeverity.Warning, failure.Message, Remedy: null)];
        }
    }

    private static async Task<IReadOnlyList<DoctorFinding>> AskAsync(Uri listen, string? certificatePath, string token, CancellationToken cancellationToken)
    {
        if (listen.Scheme == Uri.UriSchemeHttps && certificatePath is null)
            return [NotAsked("A service has the store, and by which certificate it is known is not said", "set TOPGUN_TLS_CERTIFICATE as the service has it")];
        using var http = LocalService.CreateClient(Limit, certificatePath);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        try
        {
            var answer = JsonNode.Parse(await http.GetStringAsync(LocalService.AddressOf(listen, "/api/admin/v1/status"), cancellationToken));
            var store = answer!["data"]!["store"]!;
            if (store["skipped_rows"] is not { } skipped)
                return [NotAsked($"The service at {listen} only reads the store", "set TOPGUN_LISTEN to the one that writes it")];
            return
            [
                .. Describe([.. store["damaged_buckets"]!.AsArray().Select(bucket => ReadBucket(bucket!))]),
                .. Describe([.. skipped["rows"]!.AsArray().Select(row => Read(row!))]),
            ];
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException or JsonException or IOException or CryptographicException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return [NotAsked($"A service has the store and does not answer at {listen} ({failure.Message})", "check TOPGUN_LISTEN, TOPGUN_API_TOKEN and TOPGUN_TLS_CERTIFICATE")];
        }
    }

    private static async Task<DoctorFinding> DamageAsync(IColdStorage storage, CancellationToken cancellationToken) =>
        await DamagedBucket.IsStoreGivenUpAsync(storage, cancellationToken)
            ? new DoctorFinding(
                Damage,
                FindingSeverity.Warning,
                "Records of the store are damaged: the service reads everything from the source again at its next start, and clients download it again.",
                "Restore a backup before that start to avoid it (topgun restore).")
            : DoctorFinding.Fine("The store opens and no damage was noted in it. 'topgun verify' reads all of it.");

    private static DamagedBucket ReadBucket(JsonNode bucket) => new(
        bucket["name"]!.GetValue<string>(), bucket["finding"]!.GetValue<string>(), bucket["since"]!.GetValue<DateTimeOffset>());

    private static List<DoctorFinding> Describe(IReadOnlyList<DamagedBucket> buckets)
    {
        if (buckets.Count == 0)
            return [DoctorFinding.Fine("The service has met no damage in the store.")];
        var findings = buckets.Take(MostShown).Select(Describe).ToList();
        if (buckets.Count > MostShown)
            findings.Add(new DoctorFinding(Damage, FindingSeverity.Warning, $"{buckets.Count - MostShown} more buckets are damaged.", Remedy: null));
        return findings;
    }

    private static DoctorFinding Describe(DamagedBucket bucket) => new(
        Damage,
        FindingSeverity.Warning,
        string.Create(
            CultureInfo.InvariantCulture, $"{PlainText.Safe(bucket.Name)} is refused to clients that need it from the store, since {bucket.Since:u}. {PlainText.Safe(bucket.Finding)}"),
        "Its definition is filled anew by itself; check the disk.");

    private static SkippedRow Read(JsonNode row) => new()
    {
        Table = row["table"]!.GetValue<string>(),
        Key = row["key"]!.GetValue<string>(),
        Bytes = row["bytes"]!.GetValue<long>(),
        Position = Lsn.Parse(row["position"]!.GetValue<string>()),
        CommittedAt = row["committed_at"]?.GetValue<DateTimeOffset>(),
        Definition = row["definition"]!.GetValue<string>(),
        Reason = row["reason"]!.GetValue<string>(),
        Count = row["count"]!.GetValue<long>(),
        Mended = row["mended_position"] is { } mended ? Lsn.Parse(mended.GetValue<string>()) : null,
    };

    private static List<DoctorFinding> Describe(IReadOnlyList<SkippedRow> rows)
    {
        var open = rows.Where(row => row.Mended is null).ToList();
        var findings = open.Take(MostShown).Select(Describe).ToList();
        if (open.Count > MostShown)
            findings.Add(new DoctorFinding(SkippedRow.Code, FindingSeverity.Warning, $"{open.Count - MostShown} more rows are left out.", Remedy: null));
        if (rows.Count > open.Count)
            findings.Add(DoctorFinding.Fine($"Left out once, and well again or gone: {PlainText.Count(rows.Count - open.Count, "row")}."));
        return findings;
    }

    private static DoctorFinding Describe(SkippedRow row) => new(
        SkippedRow.Code,
        FindingSeverity.Warning,
        string.Create(
            CultureInfo.InvariantCulture,
            $"Row {(row.Key.Length > 0 ? PlainText.Safe(row.Key) : "without a key")} of table '{row.Table}', {row.Bytes} bytes, is left out since {row.Position}: {row.Definition} fails. {PlainText.Safe(row.Reason)}"),
        SkippedRow.Remedy);

    private static DoctorFinding NotAsked(string why, string remedy) =>
        DoctorFinding.Fine($"{why}, so its damage and the rows that are left out are not shown here: {remedy}, or see /api/admin/v1/status.");
}
