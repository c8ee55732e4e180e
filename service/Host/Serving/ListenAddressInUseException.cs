using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Host;

/// <summary>Another process listens on the address that clients were to be served on.</summary>
internal sealed class ListenAddressInUseException(Uri address, Exception cause) : BucketsException(
    code: "TGB1005",
    message: $"Another process listens on {address.Authority}.",
    hint: $"End it, or choose another address with {SettingList.Listen.Ways}.",
    cause);
