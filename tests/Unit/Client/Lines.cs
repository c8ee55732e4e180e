using System.Globalization;
using System.Text.Json;

namespace TopGun.Buckets.Tests.Unit.Client;

/// <summary>Writes lines of the sync stream as a service would.</summary>
internal static class Lines
{
    public static string Checkpoint(long opId, long? writeCheckpoint = null, params (string Name, uint Sum, int Priority)[] buckets) =>
        $$$"""{"checkpoint":{"last_op_id":"{{{opId}}}"{{{Written(writeCheckpoint)}}},"buckets":[{{{Join(buckets)}}}],"streams":[]}}""";

    public static string Diff(long opId, long? writeCheckpoint, (string Name, uint Sum, int Priority)[] updated, params string[] removed) =>
        $$$"""{"checkpoint_diff":{"last_op_id":"{{{opId}}}"{{{Written(writeCheckpoint)}}},"updated_buckets":[{{{Join(updated)}}}],"removed_buckets":{{{JsonSerializer.Serialize(removed)}}}}}""";

    public static string Complete(long opId) => $$$"""{"checkpoint_complete":{"last_op_id":"{{{opId}}}"}}""";

    public static string Partial(long opId, int priority) =>
        $$$"""{"partial_checkpoint_complete":{"last_op_id":"{{{opId}}}","priority":{{{priority}}}}}""";

    public static string Token(int seconds) => $$$"""{"token_expires_in":{{{seconds}}}}""";

    public static string Data(string bucket, params string[] ops) =>
        $$$"""{"data":{"bucket":{{{JsonSerializer.Serialize(bucket)}}},"after":"0","next_after":"0","has_more":false,"data":[{{{string.Join(',', ops)}}}]}}""";

    public static string Put(long opId, string type, string id, string data, uint sum, string subkey = "s") =>
        $$$"""{"op_id":"{{{opId}}}","op":"PUT","object_type":"{{{type}}}","object_id":"{{{id}}}","subkey":"{{{subkey}}}","data":{{{JsonSerializer.Serialize(data)}}},"checksum":{{{sum.ToString(CultureInfo.InvariantCulture)}}}}""";

    public static string Remove(long opId, string type, string id, uint sum, string subkey = "s") =>
        $$$"""{"op_id":"{{{opId}}}","op":"REMOVE","object_type":"{{{type}}}","object_id":"{{{id}}}","subkey":"{{{subkey}}}","checksum":{{{sum}}}}""";

    public static string Move(long opId, uint sum) => $$$"""{"op_id":"{{{opId}}}","op":"MOVE","checksum":{{{sum}}}}""";

    public static string Clear(long opId, uint sum) => $$$"""{"op_id":"{{{opId}}}","op":"CLEAR","checksum":{{{sum}}}}""";

    private static string Join((string Name, uint Sum, int Priority)[] buckets) => string.Join(',', buckets.Select(bucket =>
        $$$"""{"bucket":{{{JsonSerializer.Serialize(bucket.Name)}}},"checksum":{{{bucket.Sum}}},"count":1,"priority":{{{bucket.Priority}}},"subscriptions":[{"default":0}]}"""));

    private static string Written(long? writeCheckpoint) => writeCheckpoint is null ? "" : $",\"write_checkpoint\":\"{writeCheckpoint}\"";
}
