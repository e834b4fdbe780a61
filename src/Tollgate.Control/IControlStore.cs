using Tollgate.Proxy.Configuration;

namespace Tollgate.Control;

/// <summary>What is edited while the gateway runs: who may spend, how much and how fast, who may look, and who changed what.</summary>
/// <remarks>
/// Shape: T is one of <see cref="CustomerOptions"/>, <see cref="TeamOptions"/>, <see cref="ProjectOptions"/>, <see cref="KeyOptions"/>, <see cref="BudgetOptions"/>,
/// <see cref="LimitOptions"/>, <see cref="ProviderKey"/>, <see cref="Webhook"/>, <see cref="Person"/>, <see cref="AdminToken"/>; any other throws
/// <see cref="ArgumentException"/>. An object that <c>tollgate.json</c> declares stands in place of a stored one with its id, and is read-only.
/// Errors: a store that can't be reached throws <see cref="ControlUnavailableException"/>.
/// A secret that can't be opened throws <see cref="ControlSecretException"/> wherever its object is read.
/// Values are stored as given: whoever takes them from outside checks them first.
/// </remarks>
public interface IControlStore
{
    /// <summary>Everything the data path needs at one moment: stored objects with the declared ones on top, secrets in clear.</summary>
    Task<ControlData> ReadAsync(CancellationToken cancellation);

    /// <summary>The last successful reading, with what <c>tollgate.json</c> declares now on top; null before the first. For when the store is away.</summary>
    ControlData? LastRead => null;

    /// <summary>How often anything was changed, by any process. Grows with each change; the <see cref="ControlData.Revision"/> of a read that sees it is at least as great.</summary>
    Task<long> VersionAsync(CancellationToken cancellation);

    /// <summary>One page of a kind's objects, stored and declared, in order of the id's bytes.</summary>
    /// <exception cref="ArgumentException">The limit is out of range, or the kind has no such column.</exception>
    Task<Page<Stored<T>>> ListAsync<T>(ListQuery query, CancellationToken cancellation)
        where T : class;

    /// <summary>One object; null when there is none.</summary>
    Task<Stored<T>?> FindAsync<T>(string id, CancellationToken cancellation)
        where T : class;

    /// <summary>Adds an object.</summary>
    /// <exception cref="ArgumentException">A text that the object is found by has over 512 characters or a NUL, which PostgreSQL can't keep. So with replacing.</exception>
    /// <exception cref="ControlConflictException">The id is taken.</exception>
    /// <exception cref="ControlReadOnlyException">The id is taken in <c>tollgate.json</c>.</exception>
    Task<Stored<T>> CreateAsync<T>(T item, Actor actor, CancellationToken cancellation)
        where T : class;

    /// <summary>Puts <paramref name="item"/> in place of the object with its id.</summary>
    /// <param name="item">The whole object; fields left out take their defaults.</param>
    /// <param name="expectedRevision">The revision that it is to replace; null replaces any.</param>
    /// <param name="actor">Who does it.</param>
    /// <param name="cancellation">Gives up before the change is committed.</param>
    /// <exception cref="ControlNotFoundException">There is no such object.</exception>
    /// <exception cref="ControlConflictException">The object has another revision by now.</exception>
    /// <exception cref="ControlReadOnlyException"><c>tollgate.json</c> declares it.</exception>
    Task<Stored<T>> ReplaceAsync<T>(T item, long? expectedRevision, Actor actor, CancellationToken cancellation)
        where T : class;

    /// <summary>Removes an object.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="expectedRevision">The revision that is to be removed; null removes any.</param>
    /// <param name="actor">Who does it.</param>
    /// <param name="cancellation">Gives up before the change is committed.</param>
    /// <exception cref="ControlNotFoundException">There is no such object.</exception>
    /// <exception cref="ControlConflictException">The object has another revision by now.</exception>
    /// <exception cref="ControlReadOnlyException"><c>tollgate.json</c> declares it.</exception>
    Task DeleteAsync<T>(string id, long? expectedRevision, Actor actor, CancellationToken cancellation)
        where T : class;

    /// <summary>One page of the audit log, newest first.</summary>
    /// <exception cref="ArgumentException">The limit or the cursor is not one.</exception>
    Task<Page<AuditEntry>> AuditAsync(AuditQuery query, CancellationToken cancellation);

    /// <summary>Writes down something that changes no object: a login, a refused login, an export.</summary>
    /// <param name="actor">Who did it.</param>
    /// <param name="kind">What it was done to, such as <c>session</c>.</param>
    /// <param name="objectId">Which one; may be empty.</param>
    /// <param name="action">What was done, such as <c>login</c>.</param>
    /// <param name="cancellation">Gives up.</param>
    Task NoteAsync(Actor actor, string kind, string objectId, string action, CancellationToken cancellation);

    /// <summary>Lays the objects of <c>tollgate.json</c> over the stored ones. Called at start and after each reload; what differs from the last time goes into the audit log.</summary>
    /// <remarks>It needs no store: when that is away, the objects are in force here, and the audit log hears of them at the next successful reading.</remarks>
    Task SetDeclaredAsync(TollgateOptions options, CancellationToken cancellation);

    /// <summary>Has <paramref name="apply"/> called with the new version after each change that this process makes, before the changing call returns.</summary>
    /// <param name="apply">Puts the change in force. What it throws is lost: the change is committed.</param>
    /// <returns>Ends the calls when disposed.</returns>
    IDisposable OnChange(Func<long, Task> apply);
}

/// <summary>Events on their way to webhooks, kept until they are delivered or given up. Several processes may take from it.</summary>
public interface IDeliveryQueue
{
    /// <summary>Called after this process added something; must return at once.</summary>
    Action? Added { get; set; }

    /// <summary>When the next delivery is due; null when none waits. Takes nothing and locks nothing.</summary>
    Task<DateTimeOffset?> NextDueAsync(CancellationToken cancellation);

    /// <summary>Adds an event for a webhook, due at once.</summary>
    /// <returns>False when this webhook was given the event before: two gateways that see the same thing send it once.</returns>
    Task<bool> EnqueueAsync(string webhookId, string eventId, string eventJson, CancellationToken cancellation);

    /// <summary>Takes what is due, oldest first. Nobody else is given the same until <paramref name="lease"/> has passed.</summary>
    /// <param name="limit">Most to take, 1 to 1000.</param>
    /// <param name="lease">Longer than one attempt can last; a process that dies leaves its deliveries due again after it.</param>
    /// <param name="cancellation">Gives up.</param>
    Task<IReadOnlyList<Delivery>> TakeDueAsync(int limit, TimeSpan lease, CancellationToken cancellation);

    /// <summary>Says that a delivery arrived.</summary>
    Task MarkDeliveredAsync(long id, CancellationToken cancellation);

    /// <summary>Says that an attempt failed, and when to try again; null gives up.</summary>
    Task MarkFailedAsync(long id, string reason, DateTimeOffset? nextAttempt, CancellationToken cancellation);

    /// <summary>One page of a webhook's deliveries, newest first; of all webhooks when <paramref name="webhookId"/> is null.</summary>
    Task<Page<Delivery>> DeliveriesAsync(string? webhookId, string? after, int limit, CancellationToken cancellation);

    /// <summary>Forgets what was enqueued before <paramref name="before"/> and is delivered or given up. Returns how many.</summary>
    Task<int> ForgetDeliveriesAsync(DateTimeOffset before, CancellationToken cancellation);
}

/// <summary>Who is logged in.</summary>
public interface ISessionStore
{
    /// <summary>Adds a session.</summary>
    Task CreateSessionAsync(Session session, CancellationToken cancellation);

    /// <summary>A session that has not expired; null when there is none.</summary>
    Task<Session?> FindSessionAsync(string idHash, CancellationToken cancellation);

    /// <summary>Sets <see cref="Session.LastSeen"/> to now, and <see cref="Session.Expires"/>. Does nothing when there is no such session.</summary>
    Task TouchSessionAsync(string idHash, DateTimeOffset expires, CancellationToken cancellation);

    /// <summary>Ends a session. Returns whether there was one.</summary>
    Task<bool> DeleteSessionAsync(string idHash, CancellationToken cancellation);

    /// <summary>Ends all of a person's sessions. Returns how many.</summary>
    Task<int> DeleteSessionsOfAsync(string personId, CancellationToken cancellation);

    /// <summary>Forgets expired sessions. Returns how many.</summary>
    Task<int> DeleteExpiredSessionsAsync(CancellationToken cancellation);
}
