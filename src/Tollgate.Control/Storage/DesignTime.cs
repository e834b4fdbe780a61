using Microsoft.EntityFrameworkCore.Design;

namespace Tollgate.Control.Storage;

/// <summary>What <c>dotnet ef migrations add</c> makes the context with; it opens no database.</summary>
internal sealed class SqliteDesignTime : IDesignTimeDbContextFactory<SqliteControlContext>
{
    /// <inheritdoc/>
    public SqliteControlContext CreateDbContext(string[] args) => new(SqliteControlContext.OptionsFor("design-time.db"));
}

/// <inheritdoc cref="SqliteDesignTime"/>
internal sealed class PostgresDesignTime : IDesignTimeDbContextFactory<PostgresControlContext>
{
    /// <inheritdoc/>
    public PostgresControlContext CreateDbContext(string[] args) => new(PostgresControlContext.OptionsFor("Host=design-time"));
}
