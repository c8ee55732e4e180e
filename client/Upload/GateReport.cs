namespace TopGun.Buckets.Client.Upload;

/// <summary>Whether the gate was open at one moment. Reports are made one after the other but may be shown in another order.</summary>
/// <param name="Number">Larger for a later one.</param>
/// <param name="State">Why it was closed.</param>
internal readonly record struct GateReport(long Number, BlockedBy State);
