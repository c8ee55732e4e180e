using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using TopGun.Buckets.Streaming.Auth;
using TopGun.Buckets.Streaming.Http;

namespace TopGun.Buckets.Streaming.Sessions;

/// <summary>Counts open streams: all of them, those of each user, and those of each address. Refuses what goes beyond.</summary>
/// <remarks>
/// Addresses inside the network are not counted: behind one of them is a proxy with everybody's connections. Of an IPv6 address the
/// first half counts, as everybody has as many of the second half as they like.
/// </remarks>
internal sealed class SessionLimits(IOptions<StreamingOptions> options, StreamingMetrics metrics, IHostApplicationLifetime lifetime)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, int> _ofUser = new(StringComparer.Ordinal);
    private readonly Dictionary<IPAddress, int> _ofAddress = [];
    private int _all;

    /// <summary>Takes a place that is given back with <see cref="SessionPlace.Leave"/>.</summary>
    /// <exception cref="SyncException">There is none (429), or the service is shutting down (503).</exception>
    public SessionPlace Take(string subject, IPAddress? address)
    {
        var counted = Counted(address);
        lock (_gate)
        {
            Check(subject, counted);
            _all++;
            _ofUser[subject] = _ofUser.GetValueOrDefault(subject) + 1;
            if (counted is not null)
                _ofAddress[counted] = _ofAddress.GetValueOrDefault(counted) + 1;
        }
        metrics.SessionBegan();
        return new SessionPlace(this, subject, counted);
    }

    /// <summary>Refuses like <see cref="Take"/>, without taking anything.</summary>
    /// <exception cref="SyncException">There is no place (429), or the service is shutting down (503).</exception>
    public void ThrowIfFull(string subject, IPAddress? address)
    {
        lock (_gate)
            Check(subject, Counted(address));
    }

    internal void Leave(string subject, IPAddress? counted, long opsSent)
    {
        lock (_gate)
        {
            _all--;
            Decrement(_ofUser, subject);
            if (counted is not null)
                Decrement(_ofAddress, counted);
        }
        metrics.SessionEnded(opsSent);
    }

    private static void Decrement<TKey>(Dictionary<TKey, int> counts, TKey key)
        where TKey : notnull
    {
        if (--counts[key] == 0)
            counts.Remove(key);
    }

    private static IPAddress? Counted(IPAddress? address)
    {
        if (address is null || !AddressRules.IsPublic(address))
            return null;
        if (address.IsIPv4MappedToIPv6)
            return address.MapToIPv4();
        if (address.AddressFamily != AddressFamily.InterNetworkV6)
            return address;
        var bytes = address.GetAddressBytes();
        bytes.AsSpan(8).Clear();
        return new IPAddress(bytes);
    }

    private void Check(string subject, IPAddress? counted)
    {
        if (lifetime.ApplicationStopping.IsCancellationRequested)
            throw new SyncException(503, "PSYNC_S2003", "ServiceUnavailable", "The service is shutting down.");
        var limits = options.Value;
        if (_all >= limits.MaxSessions)
            throw SyncException.TooMany("There are as many open streams as the service allows.");
        if (_ofUser.GetValueOrDefault(subject) >= limits.MaxSessionsPerUser)
            throw SyncException.TooMany("This user has as many open streams as the service allows one user.");
        if (counted is not null && _ofAddress.GetValueOrDefault(counted) >= limits.MaxSessionsPerAddress)
            throw SyncException.TooMany("There are as many open streams from this address as the service allows.");
    }
}

/// <summary>One open stream's place.</summary>
internal sealed class SessionPlace(SessionLimits limits, string subject, IPAddress? counted)
{
    public void Leave(long opsSent) => limits.Leave(subject, counted, opsSent);
}
