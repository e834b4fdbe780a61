using System.Net;
using System.Net.Sockets;

namespace Tollgate.Admin.Access;

/// <summary>How many wrong credentials each address has presented lately; past a number of them it must wait before the next is looked at.</summary>
/// <remarks>
/// Each address has a bucket of <see cref="Burst"/> attempts; a wrong credential takes one, and one comes back every <see cref="Refill"/>. IPv6 addresses
/// count by their first 64 bits, which one subscriber has. Memory is bounded by <see cref="MostAddresses"/>: past it the address that waited longest is forgotten.
/// </remarks>
internal sealed class FailedAttempts(TimeProvider time)
{
    /// <summary>Wrong credentials at one moment.</summary>
    public const int Burst = 10;

    /// <summary>Addresses remembered, about 100 bytes each.</summary>
    public const int MostAddresses = 4096;

    /// <summary>What it takes to earn one more attempt.</summary>
    public static readonly TimeSpan Refill = TimeSpan.FromSeconds(6);

    private readonly Lock _lock = new();

    // When the address's bucket is full again, as a tick of the clock. Invariant: failures outstanding = ceil((FullAt - now) / Refill) <= Burst.
    private readonly Dictionary<UInt128, DateTimeOffset> _fullAt = [];

    /// <summary>How many addresses are remembered.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _fullAt.Count;
            }
        }
    }

    /// <summary>How long the address must wait; zero when it may try.</summary>
    public TimeSpan MustWait(IPAddress? address)
    {
        lock (_lock)
        {
            if (!_fullAt.TryGetValue(KeyOf(address), out var fullAt))
            {
                return TimeSpan.Zero;
            }

            var wait = fullAt - time.GetUtcNow() - (Refill * (Burst - 1));
            return wait > TimeSpan.Zero ? wait : TimeSpan.Zero;
        }
    }

    /// <summary>Counts a wrong credential.</summary>
    public void Add(IPAddress? address)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            var key = KeyOf(address);
            var from = _fullAt.TryGetValue(key, out var fullAt) && fullAt > now ? fullAt : now;
            if (_fullAt.Count >= MostAddresses && !_fullAt.ContainsKey(key))
            {
                Forget_NeedsLock(now);
            }

            _fullAt[key] = from + Refill;
        }
    }

    private void Forget_NeedsLock(DateTimeOffset now)
    {
        foreach (var (key, fullAt) in _fullAt)
        {
            if (fullAt <= now)
            {
                _fullAt.Remove(key);
            }
        }

        if (_fullAt.Count >= MostAddresses)
        {
            _fullAt.Remove(_fullAt.MinBy(static pair => pair.Value).Key);
        }
    }

    private static UInt128 KeyOf(IPAddress? address)
    {
        if (address is null)
        {
            return UInt128.Zero;
        }

        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).TryWriteBytes(bytes, out var written);
        var key = System.Buffers.Binary.BinaryPrimitives.ReadUInt128BigEndian(bytes);
        return written == 16 && address.AddressFamily == AddressFamily.InterNetworkV6 ? key >> 64 << 64 : key | UInt128.One;
    }
}
