using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using TopGun.Buckets.BucketLog;
using TopGun.Buckets.Protocol;
using TopGun.Buckets.Replication;

namespace TopGun.Buckets.Host;

/// <summary>What the doctor says of rows that are left out: read from the store, or told by the service that has it.</summary>
internal static class SkippedRowFindings
{
    private const int MostShown = 20; // the rest is counted
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
            return Describe([.. (await SkippedRow.ReadAllAsync(storage, cancellationToken)).OrderByDescending(row => row.Position)]);
        }
        catch (BucketsException failure) when (failure.Code == NoStore)
        {
            return []; // nothing was ever left out
        }
        catch (BucketsException failure) when (failure.Code == InUse)
        {
            return settings.Find(SettingList.ApiToken) is { } token
                ? await AskAsync(settings.Read(SettingList.Listen), settings.Find(SettingList.TlsCertificate), token, cancellationToken)
                : [NotAsked("A service has the store", "set TOPGUN_API_TOKEN as the service has it")];
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
            var rows = answer!["data"]!["store"]!["skipped_rows"]!["rows"]!.AsArray();
            return Describe([.. rows.Select(row => Read(row!))]);
        }
        catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException or JsonException or IOException or CryptographicException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return [NotAsked($"A service has the store and does not answer at {listen} ({failure.Message})", "check TOPGUN_LISTEN, TOPGUN_API_TOKEN and TOPGUN_TLS_CERTIFICATE")];
        }
    }

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
        DoctorFinding.Fine($"{why}, so which rows are left out is not shown here: {remedy}, or see /api/admin/v1/status.");
}
