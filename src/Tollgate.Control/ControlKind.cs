using System.Reflection;
using System.Text.Json;
using Tollgate.Control.Secrets;
using Tollgate.Control.Storage;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Control;

/// <summary>One kind of object in the control store: what it is called, and what it can be found by.</summary>
public abstract class ControlKind
{
    private protected ControlKind(string name, string table, Type type, IReadOnlyList<string> columns)
    {
        Name = name;
        Table = table;
        Type = type;
        Columns = columns;
    }

    /// <summary>Its name in messages and the audit log, such as <c>key</c>.</summary>
    public string Name { get; }

    /// <summary>The names of <see cref="ListQuery"/>'s filters that it has, <see cref="ListQuery.Text"/> aside.</summary>
    public IReadOnlyList<string> Columns { get; }

    /// <summary>All of them.</summary>
    public static IReadOnlyList<ControlKind> All => ControlKinds.All;

    /// <summary>Its table.</summary>
    internal string Table { get; }

    /// <summary>Its objects' type.</summary>
    internal Type Type { get; }

    /// <summary>The kind of <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">The store keeps no such objects.</exception>
    public static ControlKind<T> Of<T>()
        where T : class =>
        (ControlKind<T>)(All.FirstOrDefault(static kind => kind.Type == typeof(T)) ?? throw new ArgumentException($"The control store keeps no {typeof(T).Name}."));

    /// <summary>Its objects in <c>tollgate.json</c>, each with the row it would have. Of two with one id the last counts.</summary>
    internal abstract IEnumerable<DeclaredObject> DeclaredIn(TollgateOptions options);

    /// <summary>The audit log's texts for a change from one document to another; null for none.</summary>
    internal abstract (string? Before, string? After) Redacted(string id, string? before, string? after, SecretBox? secrets);
}

/// <summary>A kind of object, and how to read the id off one.</summary>
public sealed class ControlKind<T> : ControlKind
    where T : class
{
    // PostgreSQL refuses an index entry of over 2,704 bytes; a UTF-16 unit takes at most three.
    private const int MostIndexed = 512;

    private const string Hidden = "***";
    private const string HiddenChange = "*** (changed)";

    // Only at the top: ControlKindTests holds the types to it.
    private static readonly PropertyInfo[] Sensitive =
        [.. typeof(T).GetProperties().Where(static property => property.IsDefined(typeof(SensitiveAttribute), inherit: true))];

    private readonly KindRules<T> _rules;

    internal ControlKind(string name, string table, KindRules<T> rules)
        : base(name, table, typeof(T), rules.Columns) => _rules = rules;

    /// <summary>The id of <paramref name="item"/>.</summary>
    public string IdOf(T item) => _rules.Id(item);

    /// <summary>The row of <paramref name="item"/>, if both databases can keep it; revision and time are the caller's to fill in.</summary>
    /// <exception cref="ArgumentException">A text that the object is found by is too long, or holds a NUL.</exception>
    internal ObjectRow ToCheckedRow(T item, SecretBox secrets)
    {
        var row = ToRow(item, secrets);
        string[] indexed = [row.Id, row.Customer, row.Team, row.Project, row.Developer, row.Email, row.Subject, row.Upstream, row.Scope, row.Value];
        if (row.Search.Contains('\0', StringComparison.Ordinal))
        {
            throw new ArgumentException($"A {Name} may not hold a NUL character.");
        }

        return Array.Find(indexed, static text => text.Length > MostIndexed) is not { } longest
            ? row
            : throw new ArgumentException($"A {Name} may not be found by a text of {longest.Length} characters; {MostIndexed} are the most.");
    }

    /// <summary>The row of <paramref name="item"/>; revision and time are the caller's to fill in.</summary>
    private ObjectRow ToRow(T item, SecretBox? secrets)
    {
        var row = new ObjectRow { Id = IdOf(item) };
        _rules.Fill(item, row);
        string[] found = [row.Id, row.Customer, row.Team, row.Project, row.Developer, row.Email, row.Subject, row.Upstream, row.Scope, row.Value, .. _rules.Texts(item)];
        row.Search = string.Join('\n', found.Where(static text => text.Length > 0)).ToLowerInvariant();
        row.Document = JsonSerializer.Serialize(Sealed(item, secrets), ControlJson.Options);
        return row;
    }

    /// <summary>The object of a row, its secret opened.</summary>
    /// <exception cref="ControlSecretException">It can't be opened.</exception>
    internal T FromDocument(string id, string document, SecretBox secrets)
    {
        var item = Parse(document);
        foreach (var secret in _rules.Secrets.Where(secret => secret.Get(item).Length > 0))
        {
            item = secrets.TryOpen(secret.Label, Name, id, secret.Get(item), out var opened)
                ? secret.With(item, opened)
                : throw new ControlSecretException(Name, id);
        }

        return item;
    }

    internal override IEnumerable<DeclaredObject> DeclaredIn(TollgateOptions options)
    {
        var last = new Dictionary<string, DeclaredObject>(StringComparer.Ordinal);
        foreach (var item in _rules.Declared(options))
        {
            last[IdOf(item)] = new DeclaredObject(ToRow(item, secrets: null), item);
        }

        return last.Values;
    }

    internal override (string? Before, string? After) Redacted(string id, string? before, string? after, SecretBox? secrets)
    {
        var from = before is null ? null : Parse(before);
        var to = after is null ? null : Parse(after);
        return (Redact(from, null), Redact(to, from));

        string? Redact(T? item, T? replaced)
        {
            if (item is null)
            {
                return null;
            }

            var json = JsonSerializer.SerializeToNode(item, ControlJson.Options)!.AsObject();
            foreach (var property in Sensitive)
            {
                var value = Plain(property, item);
                var old = replaced is null ? value : Plain(property, replaced);
                if (value.Length > 0 || old.Length > 0)
                {
                    json[JsonNamingPolicy.CamelCase.ConvertName(property.Name)] = value == old ? Hidden : HiddenChange;
                }
            }

            return json.ToJsonString(ControlJson.Options);
        }

        // Sealed anew, the same secret is another text. One that can't be opened counts as changed.
        string Plain(PropertyInfo property, T item)
        {
            var text = (string)property.GetValue(item)!;
            var secret = _rules.Secrets.FirstOrDefault(secret => secret.Name == property.Name);
            return secret is not null && secrets is not null && secrets.TryOpen(secret.Label, Name, id, text, out var opened) ? opened : text;
        }
    }

    internal static T Parse(string document) => JsonSerializer.Deserialize<T>(document, ControlJson.Options)!;

    private T Sealed(T item, SecretBox? secrets) => _rules.Secrets
        .Where(secret => secret.Get(item).Length > 0)
        .Aggregate(item, (partly, secret) => secret.With(partly, secrets!.Seal(secret.Label, Name, IdOf(item), secret.Get(item))));
}

/// <summary>What the store must know of a type.</summary>
internal sealed record KindRules<T>
{
    /// <summary>The id.</summary>
    public required Func<T, string> Id { get; init; }

    /// <summary>The columns that <see cref="Fill"/> fills.</summary>
    public IReadOnlyList<string> Columns { get; init; } = [];

    /// <summary>Copies what the object is found by.</summary>
    public Action<T, ObjectRow> Fill { get; init; } = static (_, _) => { };

    /// <summary>What <see cref="ListQuery.Text"/> looks at beside the columns.</summary>
    public Func<T, IEnumerable<string>> Texts { get; init; } = static _ => [];

    /// <summary>The fields that are sealed.</summary>
    public IReadOnlyList<SecretField<T>> Secrets { get; init; } = [];

    /// <summary>The objects in <c>tollgate.json</c>.</summary>
    public Func<TollgateOptions, IEnumerable<T>> Declared { get; init; } = static _ => [];
}

/// <summary>A field that is sealed.</summary>
/// <param name="Name">The property's name.</param>
/// <param name="Label">The purpose, of this field alone, which the key is derived for. Never changed: what was sealed before could not be opened.</param>
/// <param name="Get">Reads it.</param>
/// <param name="With">The object with another value.</param>
internal sealed record SecretField<T>(string Name, string Label, Func<T, string> Get, Func<T, string, T> With);

/// <summary>An object of <c>tollgate.json</c>.</summary>
/// <param name="Row">The row that it would have.</param>
/// <param name="Item">The object.</param>
internal sealed record DeclaredObject(ObjectRow Row, object Item);

/// <summary>All kinds.</summary>
internal static class ControlKinds
{
    /// <summary>In the order in which they are shown.</summary>
    public static IReadOnlyList<ControlKind> All { get; } =
    [
        new ControlKind<CustomerOptions>("customer", "customers", new()
        {
            Id = static item => item.Id,
            Texts = static item => [item.Name],
            Declared = static options => options.Customers,
        }),
        new ControlKind<TeamOptions>("team", "teams", new()
        {
            Id = static item => item.Id,
            Columns = [nameof(ObjectRow.Customer)],
            Fill = static (item, row) => row.Customer = item.Customer,
            Texts = static item => [item.Name],
            Declared = static options => options.Teams,
        }),
        new ControlKind<ProjectOptions>("project", "projects", new()
        {
            Id = static item => item.Id,
            Columns = [nameof(ObjectRow.Team)],
            Fill = static (item, row) => row.Team = item.Team,
            Texts = static item => [item.Name],
            Declared = static options => options.Projects,
        }),
        new ControlKind<KeyOptions>("key", "keys", new()
        {
            Id = static item => item.Id,
            Columns = [nameof(ObjectRow.Customer), nameof(ObjectRow.Team), nameof(ObjectRow.Project), nameof(ObjectRow.Developer), nameof(ObjectRow.Email)],
            Fill = static (item, row) => (row.Customer, row.Team, row.Project, row.Developer, row.Email) = (item.Customer, item.Team, item.Project, item.Developer, item.Email),
            Texts = static item => [item.Name, .. item.Tags],
            Declared = static options => options.Keys,
        }),
        new ControlKind<BudgetOptions>("budget", "budgets", new()
        {
            Id = static item => item.Id,
            Columns = [nameof(ObjectRow.Scope), nameof(ObjectRow.Value)],
            Fill = static (item, row) => (row.Scope, row.Value) = (ObjectRow.ScopeText(item.Scope), item.Value),
            Texts = static item => [item.Contact],
            Declared = static options => options.Budgets,
        }),
        new ControlKind<LimitOptions>("limit", "limits", new()
        {
            Id = static item => item.Id,
            Columns = [nameof(ObjectRow.Scope), nameof(ObjectRow.Value)],
            Fill = static (item, row) => (row.Scope, row.Value) = (ObjectRow.ScopeText(item.Scope), item.Value),
            Declared = static options => options.Limits,
        }),
        new ControlKind<ProviderKey>("provider-key", "provider_keys", new()
        {
            Id = static item => item.Id,
            Columns = [nameof(ObjectRow.Upstream)],
            Fill = static (item, row) => row.Upstream = item.Upstream,
            Texts = static item => [item.Name],
            Secrets = [new(nameof(ProviderKey.Secret), "tollgate/provider-key/v1", static item => item.Secret, static (item, secret) => item with { Secret = secret })],
        }),
        new ControlKind<Webhook>("webhook", "webhooks", new()
        {
            Id = static item => item.Id,
            Texts = static item => [item.Name],
            Secrets =
            [
                new(nameof(Webhook.Secret), "tollgate/webhook/v1", static item => item.Secret, static (item, secret) => item with { Secret = secret }),
                new(nameof(Webhook.Url), "tollgate/webhook-url/v1", static item => item.Url, static (item, url) => item with { Url = url }),
            ],
        }),
        new ControlKind<Person>("person", "people", new()
        {
            Id = static item => item.Id,
            Columns = [nameof(ObjectRow.Customer), nameof(ObjectRow.Team), nameof(ObjectRow.Developer), nameof(ObjectRow.Email), nameof(ObjectRow.Subject)],
            Fill = static (item, row) => (row.Customer, row.Team, row.Developer, row.Email, row.Subject) = (item.Customer, item.Team, item.Developer, item.Email, item.Subject),
            Texts = static item => [item.Name],
        }),
        new ControlKind<AdminToken>("admin-token", "admin_tokens", new()
        {
            Id = static item => item.Id,
            Columns = [nameof(ObjectRow.Customer), nameof(ObjectRow.Team)],
            Fill = static (item, row) => (row.Customer, row.Team) = (item.Customer, item.Team),
            Texts = static item => [item.Name],
        }),
    ];
}
