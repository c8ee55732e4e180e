using Microsoft.AspNetCore.Connections;
using TopGun.Buckets.Protocol;

namespace TopGun.Buckets.Host;

/// <summary>The address that clients were to be served on cannot be had.</summary>
internal sealed class ListenFailedException(Uri address, Exception cause) : BucketsException(
    code: "TGB1005",
    message: cause.InnerException is AddressInUseException
        ? $"Another process listens on {address.Authority}."
        : $"The address {address.Authority} cannot be listened on: {cause.Message}",
    hint: $"Choose another address with {SettingList.Listen.Ways}.",
    cause);
