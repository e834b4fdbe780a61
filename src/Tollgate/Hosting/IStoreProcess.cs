namespace Tollgate.Hosting;

/// <summary>A running <c>tollgate-store</c>.</summary>
internal interface IStoreProcess : IDisposable
{
    /// <summary>Its process id.</summary>
    int Id { get; }

    /// <summary>Completes with the exit code when it has ended; never fails.</summary>
    Task<int> Exited { get; }

    /// <summary>Asks it to end (SIGTERM): it closes its tables first.</summary>
    void Terminate();

    /// <summary>Ends it now (SIGKILL).</summary>
    void Kill();
}

/// <summary>What <see cref="StoreSupervisor"/> needs of the system.</summary>
internal interface IStoreSystem
{
    /// <summary>Starts the store.</summary>
    /// <exception cref="StoreUnavailableException">It can't be found or started.</exception>
    IStoreProcess Start();

    /// <summary>Whether the store answers <c>GET /ping</c> with 200.</summary>
    Task<bool> PingAsync(CancellationToken cancellation);

    /// <summary>Whether anything accepts connections at the store's address.</summary>
    Task<bool> IsAddressTakenAsync(CancellationToken cancellation);
}

/// <summary>The embedded store can't be had, for a reason that the operator can change.</summary>
internal sealed class StoreUnavailableException(string message) : Exception(message);
