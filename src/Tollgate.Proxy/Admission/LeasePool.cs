using System.Collections.Concurrent;

namespace Tollgate.Proxy.Admission;

/// <summary>Leases to be used again.</summary>
internal sealed class LeasePool
{
    // A few times what a busy gateway has in flight; past that a lease is made anew.
    private const int MostKept = 4096;

    private readonly ConcurrentQueue<AdmissionLease> _free = new();

    /// <summary>An empty one.</summary>
    public AdmissionLease Rent() => _free.TryDequeue(out var lease) ? lease : new AdmissionLease();

    /// <summary>Takes back an empty one.</summary>
    public void Return(AdmissionLease lease)
    {
        if (_free.Count < MostKept)
        {
            _free.Enqueue(lease);
        }
    }
}
