using Microsoft.EntityFrameworkCore;

namespace Tollgate.Control.Storage;

/// <summary><see cref="ISessionStore"/> in a table.</summary>
internal sealed class SessionStore(ControlDatabase database) : ISessionStore
{
    /// <inheritdoc/>
    public async Task CreateSessionAsync(Session session, CancellationToken cancellation) =>
        await database.WriteAsync((context, _) =>
        {
            context.Sessions.Add(new SessionRow
            {
                IdHash = session.IdHash,
                PersonId = session.PersonId,
                Role = session.Role.ToString(),
                CreatedAt = Instant.From(session.CreatedAt),
                LastSeen = Instant.From(session.LastSeen),
                Expires = Instant.From(session.Expires),
                Csrf = session.Csrf,
            });
            return Task.FromResult(true);
        }, cancellation);

    /// <inheritdoc/>
    public async Task<Session?> FindSessionAsync(string idHash, CancellationToken cancellation)
    {
        if (!database.IsMade)
        {
            return null;
        }

        var row = await database.ReadAsync(context => context.Sessions.AsNoTracking().SingleOrDefaultAsync(row => row.IdHash == idHash, cancellation), cancellation);
        return row is null || row.Expires <= database.Now
            ? null
            : new Session(row.IdHash, row.PersonId, Enum.Parse<Role>(row.Role), Instant.ToTime(row.CreatedAt), Instant.ToTime(row.LastSeen), Instant.ToTime(row.Expires), row.Csrf);
    }

    /// <inheritdoc/>
    public async Task TouchSessionAsync(string idHash, DateTimeOffset expires, CancellationToken cancellation)
    {
        var until = Instant.From(expires);
        await database.WriteAsync(
            (context, now) => context.Sessions.Where(row => row.IdHash == idHash)
                .ExecuteUpdateAsync(update => update.SetProperty(row => row.LastSeen, now).SetProperty(row => row.Expires, until), cancellation),
            cancellation);
    }

    /// <inheritdoc/>
    public async Task<bool> DeleteSessionAsync(string idHash, CancellationToken cancellation) =>
        await database.WriteAsync((context, _) => context.Sessions.Where(row => row.IdHash == idHash).ExecuteDeleteAsync(cancellation), cancellation) > 0;

    /// <inheritdoc/>
    public Task<int> DeleteSessionsOfAsync(string personId, CancellationToken cancellation) =>
        database.WriteAsync((context, _) => context.Sessions.Where(row => row.PersonId == personId).ExecuteDeleteAsync(cancellation), cancellation);

    /// <inheritdoc/>
    public Task<int> DeleteExpiredSessionsAsync(CancellationToken cancellation) =>
        database.WriteAsync((context, now) => context.Sessions.Where(row => row.Expires <= now).ExecuteDeleteAsync(cancellation), cancellation);
}
