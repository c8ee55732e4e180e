namespace TopGun.Buckets.DemoBackend;

/// <summary>The transaction can never be applied; the device is told to drop it.</summary>
internal sealed class UploadRejectedException(string reason) : Exception(reason);
