using System.Text;
using Microsoft.Data.Sqlite;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;

namespace Tollgate.Control.Storage;

/// <summary>The control store's tables, the same in both databases: one per <see cref="ControlKind"/>, and those for what is not an object.</summary>
/// <remarks>A context serves one call. Each database has its own migrations, in its own folder, for its own subclass.</remarks>
internal abstract class ControlContext(DbContextOptions options) : DbContext(options)
{
    public DbSet<StoreRow> Store => Set<StoreRow>();

    public DbSet<DeclaredRow> Declared => Set<DeclaredRow>();

    public DbSet<AuditRow> Audit => Set<AuditRow>();

    public DbSet<DeliveryRow> Deliveries => Set<DeliveryRow>();

    public DbSet<SessionRow> Sessions => Set<SessionRow>();

    /// <summary>The objects of a kind.</summary>
    public DbSet<ObjectRow> Objects(ControlKind kind) => Set<ObjectRow>(kind.Table);

    /// <summary>Begins to read everything as of one moment.</summary>
    public abstract Task<IDbContextTransaction> BeginSnapshotAsync(CancellationToken cancellation);

    /// <summary>Begins to change something, after every change begun before: waits for the others to end.</summary>
    public async Task<IDbContextTransaction> BeginChangeAsync(int step, CancellationToken cancellation)
    {
        var transaction = await Database.BeginTransactionAsync(cancellation);
        await Store.ExecuteUpdateAsync(update => update.SetProperty(row => row.Version, row => row.Version + step), cancellation);
        return transaction;
    }

    /// <summary>How often anything was changed, this change included.</summary>
    public Task<long> VersionAsync(CancellationToken cancellation) => Store.Select(static row => row.Version).SingleAsync(cancellation);

    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        foreach (var kind in ControlKind.All)
        {
            modelBuilder.SharedTypeEntity<ObjectRow>(kind.Table, entity =>
            {
                entity.ToTable(kind.Table).HasKey(static row => row.Id);
                string[] columns = [nameof(ObjectRow.Customer), nameof(ObjectRow.Team), nameof(ObjectRow.Project), nameof(ObjectRow.Developer), nameof(ObjectRow.Email), nameof(ObjectRow.Subject), nameof(ObjectRow.Upstream), nameof(ObjectRow.Scope), nameof(ObjectRow.Value)];
                foreach (var column in columns)
                {
                    if (kind.Columns.Contains(column))
                    {
                        entity.HasIndex(column);
                    }
                    else
                    {
                        entity.Ignore(column);
                    }
                }
            });
        }

        modelBuilder.Entity<StoreRow>(static entity =>
        {
            entity.ToTable("store").Property(static row => row.Id).ValueGeneratedNever();
            entity.HasData(new StoreRow { Id = StoreRow.OnlyId });
        });
        modelBuilder.Entity<DeclaredRow>(static entity => entity.ToTable("declared").HasKey(static row => new { row.Kind, row.Id }));
        modelBuilder.Entity<AuditRow>(static entity =>
        {
            entity.ToTable("audit").HasKey(static row => row.Id);
            entity.HasIndex(static row => row.At);
            entity.HasIndex(static row => new { row.Kind, row.ObjectId });
            entity.HasIndex(static row => row.ActorId);
        });
        modelBuilder.Entity<DeliveryRow>(static entity =>
        {
            entity.ToTable("deliveries").HasKey(static row => row.Id);
            entity.HasIndex(static row => new { row.WebhookId, row.EventId }).IsUnique();
            entity.HasIndex(static row => row.NextAttempt);
        });
        modelBuilder.Entity<SessionRow>(static entity =>
        {
            entity.ToTable("sessions").HasKey(static row => row.IdHash);
            entity.HasIndex(static row => row.PersonId);
            entity.HasIndex(static row => row.Expires);
        });

        foreach (var property in modelBuilder.Model.GetEntityTypes().SelectMany(static entity => entity.GetProperties()))
        {
            property.SetColumnName(SnakeCase(property.Name));
        }
    }

    private static string SnakeCase(string name)
    {
        var text = new StringBuilder();
        foreach (var character in name)
        {
            if (char.IsUpper(character) && text.Length > 0)
            {
                text.Append('_');
            }

            text.Append(char.ToLowerInvariant(character));
        }

        return text.ToString();
    }
}

/// <summary>The tables in a file.</summary>
internal sealed class SqliteControlContext(DbContextOptions<SqliteControlContext> options) : ControlContext(options)
{
    /// <summary>Options for the file at <paramref name="path"/>.</summary>
    public static DbContextOptions<SqliteControlContext> OptionsFor(string path) =>
        new DbContextOptionsBuilder<SqliteControlContext>().UseSqlite(new SqliteConnectionStringBuilder { DataSource = path }.ToString()).Options;

    /// <inheritdoc/>
    public override async Task<IDbContextTransaction> BeginSnapshotAsync(CancellationToken cancellation)
    {
        // Deferred: takes no lock, and in WAL mode sees one moment from its first read on. The provider's default would wait for the writers.
        await Database.OpenConnectionAsync(cancellation);
        var transaction = ((SqliteConnection)Database.GetDbConnection()).BeginTransaction(deferred: true);
        return (await Database.UseTransactionAsync(transaction, cancellation))!;
    }
}

/// <summary>The tables in a database that several gateways may share.</summary>
internal sealed class PostgresControlContext(DbContextOptions<PostgresControlContext> options) : ControlContext(options)
{
    /// <summary>Options for the database of <paramref name="connectionString"/>.</summary>
    public static DbContextOptions<PostgresControlContext> OptionsFor(string connectionString) =>
        new DbContextOptionsBuilder<PostgresControlContext>().UseNpgsql(connectionString).Options;

    /// <inheritdoc/>
    public override Task<IDbContextTransaction> BeginSnapshotAsync(CancellationToken cancellation) =>
        Database.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, cancellation);

    // Order by bytes, as SQLite does, whatever language the database was made with.
    protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder) =>
        configurationBuilder.Properties<string>().UseCollation("C");
}
