using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Tollgate.Control.Storage;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Control;

/// <summary>The control store in SQLite or PostgreSQL.</summary>
/// <remarks>
/// Shape: a change of an object, its entry in the audit log and the count of changes are one transaction. Each begins by counting itself at the store's only
/// row, whose lock puts the changes of all processes in one order: what is then read is the newest, and revisions grow in the order of commits.
/// Safe for use by several threads.
/// </remarks>
public sealed class ControlStore : IControlStore, IDisposable
{
    private const int MostPerPage = 1_000;

    private readonly ControlDatabase _database;
    private readonly BudgetEventQueue _budgetEvents;
    private readonly Lock _listening = new();
    private readonly SemaphoreSlim _declaring = new(1, 1);
    private Func<long, Task>[] _listeners = [];
    private volatile DeclaredSet _declared = DeclaredSet.Empty;
    private volatile ControlData? _lastStored;

    // Whether the store has yet to hear of _declared. Written under _declaring.
    private volatile bool _declaredUnnoted;

    private ControlStore(ControlDatabase database)
    {
        _database = database;
        Deliveries = new DeliveryQueue(database);
        _budgetEvents = new BudgetEventQueue(database);
        Sessions = new SessionStore(database);
    }

    /// <summary>Events on their way to webhooks.</summary>
    public IDeliveryQueue Deliveries { get; }

    /// <summary>What budgets did, on its way to the history.</summary>
    public IBudgetEventQueue BudgetEvents => _budgetEvents;

    /// <summary>Who is logged in.</summary>
    public ISessionStore Sessions { get; }

    /// <summary>Opens the store. In a file, what is missing (the file, its tables, the key file) is made by the first write; on a server at once.</summary>
    /// <param name="options">Which database, which key file.</param>
    /// <param name="dataDirectory">Where what has no place of its own is put; made when missing.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellation">Gives up.</param>
    /// <exception cref="InvalidOperationException">The key file is lost or another's, or a newer version made the tables. The message says what to do.</exception>
    /// <exception cref="ControlUnavailableException">The database can't be reached or used.</exception>
    public static async Task<ControlStore> OpenAsync(ControlOptions options, string dataDirectory, TimeProvider time, CancellationToken cancellation) =>
        new(await ControlDatabase.OpenAsync(options, dataDirectory, time, cancellation));

    /// <inheritdoc/>
    public ControlData? LastRead => _lastStored is { } stored ? LaidOver(stored, _declared) : null;

    /// <inheritdoc/>
    public async Task<ControlData> ReadAsync(CancellationToken cancellation)
    {
        if (_declaredUnnoted)
        {
            await _declaring.WaitAsync(cancellation);
            try
            {
                await NoteDeclaredAsync(_declared.All, cancellation);
                _declaredUnnoted = false;
            }
            finally
            {
                _declaring.Release();
            }
        }

        var stored = _database.IsMade ? await ReadStoredAsync(cancellation) : new ControlData
        {
            Revision = 0,
            Customers = [],
            Teams = [],
            Projects = [],
            Keys = [],
            Budgets = [],
            Limits = [],
            ProviderKeys = [],
            Webhooks = [],
            People = [],
            AdminTokens = [],
        };
        _lastStored = stored;
        return LaidOver(stored, _declared);
    }

    /// <inheritdoc/>
    public Task<long> VersionAsync(CancellationToken cancellation) => _database.IsMade ? ReadVersionAsync(cancellation) : Task.FromResult(0L);

    /// <inheritdoc/>
    public async Task<Page<Stored<T>>> ListAsync<T>(ListQuery query, CancellationToken cancellation)
        where T : class
    {
        CheckLimit(query.Limit);
        var kind = ControlKind.Of<T>();
        var filter = new ListFilter(query, kind);
        var declared = _declared;
        var wanted = query.Limit + 1; // One more tells whether there is a next page.

        List<Stored<T>> stored = !_database.IsMade ? [] : await _database.ReadAsync(async context =>
        {
            var rows = filter.Of(context.Objects(kind).AsNoTracking());
            var shown = new List<Stored<T>>();
            for (var after = query.After ?? string.Empty; shown.Count < wanted;)
            {
                var batch = await rows.Where(row => string.Compare(row.Id, after) > 0).OrderBy(static row => row.Id).Take(wanted).ToListAsync(cancellation);
                shown.AddRange(batch.Where(row => declared.Find(kind, row.Id) is null).Select(row => FromRow(kind, row)));
                if (batch.Count < wanted)
                {
                    break;
                }

                after = batch[^1].Id;
            }

            return shown;
        }, cancellation);
        var laidOver = declared.Of(kind).Where(item => ByteOrder.Instance.Compare(item.Row.Id, query.After ?? string.Empty) > 0 && filter.Passes(item.Row)).Take(wanted).Select(FromDeclared<T>);
        var items = Merge(stored, laidOver, kind).Take(wanted).ToList();
        return ToPage(items, query.Limit, item => kind.IdOf(item.Value));
    }

    /// <inheritdoc/>
    public async Task<Stored<T>?> FindAsync<T>(string id, CancellationToken cancellation)
        where T : class
    {
        var kind = ControlKind.Of<T>();
        if (_declared.Find(kind, id) is { } declared)
        {
            return FromDeclared<T>(declared);
        }

        if (HasNul(id) || !_database.IsMade)
        {
            return null;
        }

        var row = await _database.ReadAsync(context => context.Objects(kind).AsNoTracking().SingleOrDefaultAsync(row => row.Id == id, cancellation), cancellation);
        return row is null ? null : FromRow(kind, row);
    }

    /// <inheritdoc/>
    public async Task<Stored<T>> CreateAsync<T>(T item, Actor actor, CancellationToken cancellation)
        where T : class
    {
        var kind = ControlKind.Of<T>();
        var row = kind.ToCheckedRow(item, (await _database.OpenedAsync(cancellation)).Secrets);
        return await ChangeAsync(kind, row.Id, async (context, version, now) =>
        {
            var taken = await context.Objects(kind).Where(stored => stored.Id == row.Id).Select(static stored => (long?)stored.Revision).SingleOrDefaultAsync(cancellation);
            if (taken is { } revision)
            {
                throw new ControlConflictException(kind.Name, row.Id, expectedRevision: null, revision);
            }

            (row.Revision, row.ChangedAt) = (version, now);
            context.Objects(kind).Add(row);
            AddAudit(context, now, actor, kind, row.Id, AuditActions.Create, before: null, row.Document);
            _budgetEvents.AddRaises(context, now, version, null, item as BudgetOptions, actor.Id);
            return new Stored<T>(item, version, Instant.ToTime(now), IsReadOnly: false);
        }, cancellation);
    }

    /// <inheritdoc/>
    public async Task<Stored<T>> ReplaceAsync<T>(T item, long? expectedRevision, Actor actor, CancellationToken cancellation)
        where T : class
    {
        var kind = ControlKind.Of<T>();
        var row = kind.ToCheckedRow(item, (await _database.OpenedAsync(cancellation)).Secrets);
        return await ChangeAsync(kind, row.Id, async (context, version, now) =>
        {
            var stored = await FindExpectedAsync(context, kind, row.Id, expectedRevision, cancellation);
            AddAudit(context, now, actor, kind, row.Id, AuditActions.Replace, stored.Document, row.Document);
            if (kind is ControlKind<BudgetOptions>)
            {
                _budgetEvents.AddRaises(context, now, version, ControlKind<BudgetOptions>.Parse(stored.Document), item as BudgetOptions, actor.Id);
            }

            (row.Revision, row.ChangedAt) = (version, now);
            context.Entry(stored).CurrentValues.SetValues(row);
            return new Stored<T>(item, version, Instant.ToTime(now), IsReadOnly: false);
        }, cancellation);
    }

    /// <inheritdoc/>
    public Task DeleteAsync<T>(string id, long? expectedRevision, Actor actor, CancellationToken cancellation)
        where T : class
    {
        var kind = ControlKind.Of<T>();
        return ChangeAsync(kind, id, async (context, _, now) =>
        {
            var stored = await FindExpectedAsync(context, kind, id, expectedRevision, cancellation);
            AddAudit(context, now, actor, kind, id, AuditActions.Delete, stored.Document, after: null);
            context.Objects(kind).Remove(stored);
            return true;
        }, cancellation);
    }

    /// <inheritdoc/>
    public async Task<Page<AuditEntry>> AuditAsync(AuditQuery query, CancellationToken cancellation)
    {
        CheckLimit(query.Limit);
        if (!_database.IsMade || HasNul(query.ActorId) || HasNul(query.Kind) || HasNul(query.ObjectId))
        {
            return new Page<AuditEntry>([], null);
        }

        var before = query.After is { } after ? ToCursor(after) : long.MaxValue;
        var entries = await _database.ReadAsync(context =>
        {
            var rows = context.Audit.AsNoTracking().Where(row => row.Id < before);
            rows = query.ActorId is { } actor ? rows.Where(row => row.ActorId == actor) : rows;
            rows = query.Kind is { } kind ? rows.Where(row => row.Kind == kind) : rows;
            rows = query.ObjectId is { } id ? rows.Where(row => row.ObjectId == id) : rows;
            rows = Instant.From(query.Since) is { } since ? rows.Where(row => row.At >= since) : rows;
            rows = Instant.From(query.Until) is { } until ? rows.Where(row => row.At < until) : rows;
            return rows.OrderByDescending(static row => row.Id).Take(query.Limit + 1).ToListAsync(cancellation);
        }, cancellation);
        return ToPage(
            entries.ConvertAll(static row => new AuditEntry(row.Id, Instant.ToTime(row.At), new Actor(row.ActorId, row.ActorKind, row.ActorAddress), row.Kind, row.ObjectId, row.Action, row.Before, row.After)),
            query.Limit,
            static entry => entry.Id.ToString(CultureInfo.InvariantCulture));
    }

    /// <inheritdoc/>
    public Task NoteAsync(Actor actor, string kind, string objectId, string action, CancellationToken cancellation) =>
        _database.WriteAsync((context, now) =>
        {
            AddAudit(context, now, actor, kind, objectId, action, null, null);
            return Task.FromResult(true);
        }, cancellation);

    /// <inheritdoc/>
    public async Task SetDeclaredAsync(TollgateOptions options, CancellationToken cancellation)
    {
        var objects = ControlKind.All.SelectMany(kind => kind.DeclaredIn(options).Select(declared => (kind, declared))).ToList();
        var version = _lastStored?.Revision ?? 0;
        _budgetEvents.KeepsRaises = options.Storage.Mode != StorageMode.None;
        await _declaring.WaitAsync(cancellation);
        try
        {
            try
            {
                version = objects.Count > 0 || _database.IsMade ? await NoteDeclaredAsync(objects, cancellation) : 0;
                _declaredUnnoted = false;
            }
            catch (ControlUnavailableException)
            {
                // A key that the file takes back must not go on working because the store is away.
                _declaredUnnoted = true;
            }

            _declared = new DeclaredSet(objects);
        }
        finally
        {
            _declaring.Release();
        }

        RingForRaises(ControlKind.Of<BudgetOptions>());
        await NotifyAsync(version);
    }

    /// <inheritdoc/>
    public IDisposable OnChange(Func<long, Task> apply)
    {
        lock (_listening)
        {
            _listeners = [.. _listeners, apply];
        }

        return new Listening(this, apply);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _declaring.Dispose();
        _database.Dispose();
    }

    /// <summary>Writes down what differs from what was declared last, and gives the objects their revisions. Returns the store's version.</summary>
    private async Task<long> NoteDeclaredAsync(IReadOnlyList<(ControlKind Kind, DeclaredObject Object)> objects, CancellationToken cancellation)
    {
        var (known, version) = await _database.ReadAsync(async context =>
            (await context.Declared.AsNoTracking().ToListAsync(cancellation), await context.VersionAsync(cancellation)), cancellation);
        return TakeOver(known, objects)
            ? version
            : (await _database.ChangeAsync((context, next, now) => DeclareAsync(context, objects, next, now, cancellation), cancellation)).Version;
    }

    /// <summary>Gives declared objects the revisions that they have in the store; false when any is new, changed or gone.</summary>
    private static bool TakeOver(List<DeclaredRow> known, IReadOnlyList<(ControlKind Kind, DeclaredObject Object)> objects)
    {
        var rows = known.ToDictionary(static row => (row.Kind, row.Id));
        foreach (var (kind, declared) in objects)
        {
            if (!rows.TryGetValue((kind.Name, declared.Row.Id), out var row) || row.Document != declared.Row.Document)
            {
                return false;
            }

            (declared.Row.Revision, declared.Row.ChangedAt) = (row.Revision, row.ChangedAt);
        }

        return known.Count == objects.Count;
    }

    private async Task<bool> DeclareAsync(
        ControlContext context, IReadOnlyList<(ControlKind Kind, DeclaredObject Object)> objects, long version, long now, CancellationToken cancellation)
    {
        var gone = (await context.Declared.ToListAsync(cancellation)).ToDictionary(static row => (row.Kind, row.Id));
        foreach (var (kind, declared) in objects)
        {
            if (!gone.Remove((kind.Name, declared.Row.Id), out var row))
            {
                row = new DeclaredRow { Kind = kind.Name, Id = declared.Row.Id };
                context.Declared.Add(row);
                Change(AuditActions.Create, before: null);
            }
            else if (row.Document != declared.Row.Document)
            {
                Change(AuditActions.Replace, row.Document);
            }

            (declared.Row.Revision, declared.Row.ChangedAt) = (row.Revision, row.ChangedAt);

            void Change(string action, string? before)
            {
                (row.Document, row.Revision, row.ChangedAt) = (declared.Row.Document, version, now);
                Add(context, now, Actor.Configuration, kind.Name, row.Id, action, kind.Redacted(row.Id, before, row.Document, secrets: null));
                if (kind is ControlKind<BudgetOptions>)
                {
                    _budgetEvents.AddRaises(context, now, version, before is null ? null : ControlKind<BudgetOptions>.Parse(before), ControlKind<BudgetOptions>.Parse(row.Document), Actor.Configuration.Id);
                }
            }
        }

        foreach (var row in gone.Values)
        {
            context.Declared.Remove(row);

            // A kind that only a newer version knows has no text that is sure to hide its secrets.
            var texts = ControlKind.All.FirstOrDefault(kind => kind.Name == row.Kind)?.Redacted(row.Id, row.Document, null, secrets: null) ?? default;
            Add(context, now, Actor.Configuration, row.Kind, row.Id, AuditActions.Delete, texts);
        }

        return true;
    }

    private static async Task<ObjectRow> FindExpectedAsync(ControlContext context, ControlKind kind, string id, long? expectedRevision, CancellationToken cancellation)
    {
        var stored = (HasNul(id) ? null : await context.Objects(kind).SingleOrDefaultAsync(row => row.Id == id, cancellation)) ?? throw new ControlNotFoundException(kind.Name, id);
        return expectedRevision is null || expectedRevision == stored.Revision
            ? stored
            : throw new ControlConflictException(kind.Name, id, expectedRevision, stored.Revision);
    }

    private async Task<TResult> ChangeAsync<TResult>(ControlKind kind, string id, Func<ControlContext, long, long, Task<TResult>> change, CancellationToken cancellation)
    {
        if (_declared.Find(kind, id) is not null)
        {
            throw new ControlReadOnlyException(kind.Name, id);
        }

        var (result, version) = await _database.ChangeAsync(change, cancellation);
        RingForRaises(kind);
        await NotifyAsync(version);
        return result;
    }

    // Perhaps for nothing: whoever is told looks.
    private void RingForRaises(ControlKind kind)
    {
        if (kind == ControlKind.Of<BudgetOptions>())
        {
            _budgetEvents.Added?.Invoke();
        }
    }

    private async Task NotifyAsync(long version)
    {
        Func<long, Task>[] listeners;
        lock (_listening)
        {
            listeners = _listeners;
        }

        foreach (var listener in listeners)
        {
            try
            {
                await listener(version);
            }
            catch (Exception)
            {
                // The change is committed whatever becomes of it here, and whoever made it must hear so. ControlWatch logs what fails and tries again.
            }
        }
    }

    private void AddAudit(ControlContext context, long now, Actor actor, ControlKind kind, string id, string action, string? before, string? after) =>
        Add(context, now, actor, kind.Name, id, action, kind.Redacted(id, before, after, _database.Secrets));

    private static void AddAudit(ControlContext context, long now, Actor actor, string kind, string id, string action, string? before, string? after) =>
        Add(context, now, actor, kind, id, action, (before, after));

    private static void Add(ControlContext context, long now, Actor actor, string kind, string id, string action, (string? Before, string? After) texts) =>
        context.Audit.Add(new AuditRow
        {
            At = now,
            ActorId = Kept(actor.Id),
            ActorKind = Kept(actor.Kind),
            ActorAddress = Kept(actor.Address),
            Kind = Kept(kind),
            ObjectId = Kept(id),
            Action = Kept(action),
            Before = texts.Before,
            After = texts.After,
        });

    // Apart from their callers, which then need nothing of EF Core as long as there is no database.
    private Task<long> ReadVersionAsync(CancellationToken cancellation) => _database.ReadAsync(context => context.VersionAsync(cancellation), cancellation);

    private Task<ControlData> ReadStoredAsync(CancellationToken cancellation) => _database.ReadAsync(context => ReadStoredAsync(context, cancellation), cancellation);

    private async Task<ControlData> ReadStoredAsync(ControlContext context, CancellationToken cancellation)
    {
        await using var snapshot = await context.BeginSnapshotAsync(cancellation);
        return new ControlData
        {
            Revision = await context.VersionAsync(cancellation),
            Customers = await AllAsync<CustomerOptions>(),
            Teams = await AllAsync<TeamOptions>(),
            Projects = await AllAsync<ProjectOptions>(),
            Keys = await AllAsync<KeyOptions>(),
            Budgets = await AllAsync<BudgetOptions>(),
            Limits = await AllAsync<LimitOptions>(),
            ProviderKeys = await AllAsync<ProviderKey>(),
            Webhooks = await AllAsync<Webhook>(),
            People = await AllAsync<Person>(),
            AdminTokens = await AllAsync<AdminToken>(),
        };

        async Task<IReadOnlyList<T>> AllAsync<T>()
            where T : class
        {
            var kind = ControlKind.Of<T>();
            var rows = await context.Objects(kind).AsNoTracking().OrderBy(static row => row.Id).ToListAsync(cancellation);
            return rows.ConvertAll(row => kind.FromDocument(row.Id, row.Document, _database.Secrets));
        }
    }

    // The kinds that tollgate.json can declare.
    private static ControlData LaidOver(ControlData stored, DeclaredSet declared)
    {
        return new ControlData
        {
            Revision = stored.Revision,
            Customers = Over(stored.Customers),
            Teams = Over(stored.Teams),
            Projects = Over(stored.Projects),
            Keys = Over(stored.Keys),
            Budgets = Over(stored.Budgets),
            Limits = Over(stored.Limits),
            ProviderKeys = stored.ProviderKeys,
            Webhooks = stored.Webhooks,
            People = stored.People,
            AdminTokens = stored.AdminTokens,
        };

        IReadOnlyList<T> Over<T>(IReadOnlyList<T> items)
            where T : class
        {
            var kind = ControlKind.Of<T>();
            return declared.Of(kind) is { Count: > 0 } laidOver
                ? [.. items.Where(item => declared.Find(kind, kind.IdOf(item)) is null).Concat(laidOver.Select(static item => (T)item.Item)).OrderBy(kind.IdOf, ByteOrder.Instance)]
                : items;
        }
    }

    private Stored<T> FromRow<T>(ControlKind<T> kind, ObjectRow row)
        where T : class =>
        new(kind.FromDocument(row.Id, row.Document, _database.Secrets), row.Revision, Instant.ToTime(row.ChangedAt), IsReadOnly: false);

    private static Stored<T> FromDeclared<T>(DeclaredObject declared)
        where T : class =>
        new((T)declared.Item, declared.Row.Revision, Instant.ToTime(declared.Row.ChangedAt), IsReadOnly: true);

    private static IEnumerable<Stored<T>> Merge<T>(IEnumerable<Stored<T>> stored, IEnumerable<Stored<T>> declared, ControlKind<T> kind)
        where T : class =>
        stored.Concat(declared).OrderBy(item => kind.IdOf(item.Value), ByteOrder.Instance);

    internal static Page<TItem> ToPage<TItem>(List<TItem> items, int limit, Func<TItem, string> cursor)
    {
        if (items.Count <= limit)
        {
            return new Page<TItem>(items, null);
        }

        items.RemoveRange(limit, items.Count - limit);
        return new Page<TItem>(items, cursor(items[^1]));
    }

    internal static void CheckLimit(int limit)
    {
        if (limit is < 1 or > MostPerPage)
        {
            throw new ArgumentException($"The limit is {limit}, but must be 1 to {MostPerPage}.", nameof(limit));
        }
    }

    internal static long ToCursor(string after) => long.TryParse(after, NumberStyles.None, CultureInfo.InvariantCulture, out var cursor)
        ? cursor
        : throw new ArgumentException("The cursor is not one that a page ended with.", nameof(after));

    // PostgreSQL can't keep a NUL, nor be asked for one.
    private static bool HasNul(string? text) => text?.Contains('\0', StringComparison.Ordinal) == true;

    // What an entry is found by comes from whoever tried to log in. 512: see ControlKind.
    private static string Kept(string text) => (text.Length > 512 ? text[..512] : text).Replace('\0', '\uFFFD');

    private sealed class Listening(ControlStore store, Func<long, Task> apply) : IDisposable
    {
        public void Dispose()
        {
            lock (store._listening)
            {
                store._listeners = [.. store._listeners.Where(listener => listener != apply)];
            }
        }
    }
}
