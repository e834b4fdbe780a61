using Microsoft.EntityFrameworkCore;

namespace Tollgate.Control.Storage;

/// <summary>A <see cref="ListQuery"/> as the columns it asks for, to be held against the tables and against declared objects alike.</summary>
internal sealed class ListFilter
{
    private readonly List<(string Column, string Value)> _columns = [];
    private readonly string? _text;

    /// <summary>The filter of <paramref name="query"/>.</summary>
    /// <exception cref="ArgumentException">The kind has no such column.</exception>
    public ListFilter(ListQuery query, ControlKind kind)
    {
        Add(nameof(ListQuery.Customer), query.Customer);
        Add(nameof(ListQuery.Team), query.Team);
        Add(nameof(ListQuery.Project), query.Project);
        Add(nameof(ListQuery.Developer), query.Developer);
        Add(nameof(ListQuery.Email), query.Email);
        Add(nameof(ListQuery.Subject), query.Subject);
        Add(nameof(ListQuery.Upstream), query.Upstream);
        Add(nameof(ListQuery.Scope), query.Scope is { } scope ? ObjectRow.ScopeText(scope) : null);
        Add(nameof(ListQuery.Value), query.Value);
        _text = string.IsNullOrEmpty(query.Text) ? null : query.Text.ToLowerInvariant();

        void Add(string column, string? value)
        {
            if (value is null)
            {
                return;
            }

            if (!kind.Columns.Contains(column))
            {
                throw new ArgumentException($"A {kind.Name} is not found by {column}, only by {(kind.Columns.Count == 0 ? "text" : string.Join(", ", kind.Columns))}.");
            }

            _columns.Add((column, value));
        }
    }

    // PostgreSQL refuses a parameter with a NUL; no row holds one.
    private bool FindsNothing => _columns.Exists(static column => column.Value.Contains('\0', StringComparison.Ordinal)) || _text?.Contains('\0', StringComparison.Ordinal) == true;

    /// <summary>The rows that pass.</summary>
    public IQueryable<ObjectRow> Of(IQueryable<ObjectRow> rows)
    {
        if (FindsNothing)
        {
            return rows.Where(static _ => false);
        }

        foreach (var (column, value) in _columns)
        {
            rows = rows.Where(row => EF.Property<string>(row, column) == value);
        }

        // Each provider makes an exact comparison of this; nothing in the text is a wildcard.
        return _text is { } text ? rows.Where(row => row.Search.Contains(text)) : rows;
    }

    /// <summary>Whether a row passes.</summary>
    public bool Passes(ObjectRow row) =>
        _columns.TrueForAll(column => Column(row, column.Column) == column.Value)
        && (_text is null || row.Search.Contains(_text, StringComparison.Ordinal));

    private static string Column(ObjectRow row, string column) => column switch
    {
        nameof(ObjectRow.Customer) => row.Customer,
        nameof(ObjectRow.Team) => row.Team,
        nameof(ObjectRow.Project) => row.Project,
        nameof(ObjectRow.Developer) => row.Developer,
        nameof(ObjectRow.Email) => row.Email,
        nameof(ObjectRow.Subject) => row.Subject,
        nameof(ObjectRow.Upstream) => row.Upstream,
        nameof(ObjectRow.Scope) => row.Scope,
        nameof(ObjectRow.Value) => row.Value,
        _ => throw new ArgumentOutOfRangeException(nameof(column), column, "not a column"),
    };
}
