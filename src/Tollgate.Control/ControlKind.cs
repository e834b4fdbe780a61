using Tollgate.Proxy.Configuration;

namespace Tollgate.Control;

/// <summary>One kind of object in the control store: what it is called, and what it can be found by.</summary>
public abstract class ControlKind
{
    private protected ControlKind(string name, string table, Type type, params ReadOnlySpan<string> columns)
    {
        Name = name;
        Table = table;
        Type = type;
        Columns = columns.ToArray();
    }

    /// <summary>Its name in messages and the audit log, such as <c>key</c>.</summary>
    public string Name { get; }

    /// <summary>The names of <see cref="ListQuery"/>'s filters that it has, <see cref="ListQuery.Text"/> aside.</summary>
    public IReadOnlyList<string> Columns { get; }

    /// <summary>Its table.</summary>
    internal string Table { get; }

    /// <summary>Its objects' type.</summary>
    internal Type Type { get; }

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ControlKind> All { get; } =
    [
        new ControlKind<CustomerOptions>("customer", "customers", static item => item.Id),
        new ControlKind<TeamOptions>("team", "teams", static item => item.Id, nameof(ListQuery.Customer)),
        new ControlKind<ProjectOptions>("project", "projects", static item => item.Id, nameof(ListQuery.Team)),
        new ControlKind<KeyOptions>("key", "keys", static item => item.Id, nameof(ListQuery.Customer), nameof(ListQuery.Team), nameof(ListQuery.Project), nameof(ListQuery.Developer), nameof(ListQuery.Email)),
        new ControlKind<BudgetOptions>("budget", "budgets", static item => item.Id, nameof(ListQuery.Scope), nameof(ListQuery.Value)),
        new ControlKind<LimitOptions>("limit", "limits", static item => item.Id, nameof(ListQuery.Scope), nameof(ListQuery.Value)),
        new ControlKind<ProviderKey>("provider-key", "provider_keys", static item => item.Id, nameof(ListQuery.Upstream)),
        new ControlKind<Webhook>("webhook", "webhooks", static item => item.Id),
        new ControlKind<Person>("person", "people", static item => item.Id, nameof(ListQuery.Customer), nameof(ListQuery.Team), nameof(ListQuery.Developer), nameof(ListQuery.Email), nameof(ListQuery.Subject)),
        new ControlKind<AdminToken>("admin-token", "admin_tokens", static item => item.Id, nameof(ListQuery.Customer), nameof(ListQuery.Team)),
    ];

    /// <summary>The kind of <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">The store keeps no such objects.</exception>
    public static ControlKind<T> Of<T>()
        where T : class =>
        (ControlKind<T>)(All.FirstOrDefault(static kind => kind.Type == typeof(T)) ?? throw new ArgumentException($"The control store keeps no {typeof(T).Name}."));
}

/// <summary>A kind of object, and how to read the id off one.</summary>
public sealed class ControlKind<T> : ControlKind
    where T : class
{
    private readonly Func<T, string> _id;

    internal ControlKind(string name, string table, Func<T, string> id, params ReadOnlySpan<string> columns)
        : base(name, table, typeof(T), columns) => _id = id;

    /// <summary>The id of <paramref name="item"/>.</summary>
    public string IdOf(T item) => _id(item);
}
