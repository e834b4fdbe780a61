using Tollgate.Configuration;
using Tollgate.Control;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Admin.Resources;

// What may be posted, field by field. A field that is not here (a hash, what was spent) can't be set from outside, whatever a body says. Each record takes the
// rules of its fields from the options record that it names; see RulesOfAttribute.

/// <summary>An organisation that is billed.</summary>
[RulesOf(typeof(CustomerOptions))]
internal record CustomerBody
{
    /// <summary>Its name in rows, labels and addresses.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call it. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;
}

/// <summary>A group of developers.</summary>
[RulesOf(typeof(TeamOptions))]
internal record TeamBody
{
    /// <summary>Its name in rows, labels and addresses.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call it. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>The organisation it belongs to. Default empty.</summary>
    public string Customer { get; init; } = string.Empty;
}

/// <summary>Something that is spent on.</summary>
[RulesOf(typeof(ProjectOptions))]
internal record ProjectBody
{
    /// <summary>Its name in rows, labels and addresses.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call it. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>The team that owns it. Default empty.</summary>
    public string Team { get; init; } = string.Empty;
}

/// <summary>A virtual key, without the key.</summary>
[RulesOf(typeof(KeyOptions))]
internal record KeyBody
{
    /// <summary>The key's public id, the middle part of <c>tg_ID_SECRET</c>. Default: one is made.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call the key. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>Who holds the key.</summary>
    public string Developer { get; init; } = string.Empty;

    /// <summary>The holder's team. Default: the team that you are confined to, else none.</summary>
    public string Team { get; init; } = string.Empty;

    /// <summary>The project spent on; empty lets the client's <c>x-project</c> say.</summary>
    public string Project { get; init; } = string.Empty;

    /// <summary>The organisation billed.</summary>
    public string Customer { get; init; } = string.Empty;

    /// <summary>Whether the key is refused.</summary>
    public bool Disabled { get; init; }

    /// <summary>The holder's e-mail address.</summary>
    public string Email { get; init; } = string.Empty;

    /// <summary>When the key stops working. Default never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Models that may be asked for, exact or with <c>*</c>. Default: all.</summary>
    public IReadOnlyList<string> AllowedModels { get; init; } = [];

    /// <summary>Models that may not be asked for; goes before <c>allowedModels</c>.</summary>
    public IReadOnlyList<string> DeniedModels { get; init; } = [];

    /// <summary>Upstream paths that may be asked for, exact or with <c>*</c>. Default: all.</summary>
    public IReadOnlyList<string> AllowedPaths { get; init; } = [];

    /// <summary>Networks that the client's address must be in. Default: all.</summary>
    public IReadOnlyList<string> SourceNetworks { get; init; } = [];

    /// <summary>Marks for people and filters.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];
}

/// <summary>How a key is replaced.</summary>
internal sealed record RotateBody
{
    /// <summary>How long the old key goes on working beside the new one, as <c>hh:mm:ss</c> or <c>d.hh:mm:ss</c>. Default one day; <c>00:00:00</c> ends it at once.</summary>
    [TimeRange("00:00:00", "31.00:00:00")]
    public TimeSpan Overlap { get; init; } = TimeSpan.FromDays(1);
}

/// <summary>How much may be spent by whom in which time.</summary>
[RulesOf(typeof(BudgetOptions))]
internal record BudgetBody
{
    /// <summary>The budget's name in messages, metrics and addresses.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>Whose spend is added up.</summary>
    public ScopeKind Scope { get; init; }

    /// <summary>Which one: its name or id; <c>*</c> gives each its own. Empty with <c>everything</c> alone.</summary>
    public string Value { get; init; } = string.Empty;

    /// <summary>US dollars as a text, such as <c>"5.00"</c>. Either this or <c>limitTokens</c>.</summary>
    public Nanodollars? LimitUsd { get; init; }

    /// <summary>Tokens of all classes together. Either this or <c>limitUsd</c>.</summary>
    public long? LimitTokens { get; init; }

    /// <summary>The time it is for, such as <c>day</c>, <c>month</c>, <c>5h</c> or <c>lifetime</c>.</summary>
    public string Window { get; init; } = "month";

    /// <summary>Where a calendar window's days begin, as an IANA name.</summary>
    public string TimeZone { get; init; } = "UTC";

    /// <summary>What holds the limit.</summary>
    public BudgetMode Mode { get; init; } = BudgetMode.Expected;

    /// <summary>Percentages of the limit at which to warn.</summary>
    public IReadOnlyList<int> Thresholds { get; init; } = [50, 80, 95];

    /// <summary>Models still allowed when the budget is spent.</summary>
    public IReadOnlyList<string> ModelsWhenSpent { get; init; } = [];

    /// <summary>Whom to ask; ends the sentence that a refused client prints.</summary>
    public string Contact { get; init; } = string.Empty;
}

/// <summary>An addition to a budget's limit for some time.</summary>
[RulesOf(typeof(RaiseOptions))]
internal sealed record RaiseBody
{
    /// <summary>US dollars to add, as a text.</summary>
    public Nanodollars Usd { get; init; }

    /// <summary>Tokens to add.</summary>
    public long Tokens { get; init; }

    /// <summary>When it ends.</summary>
    public DateTimeOffset Until { get; init; }
}

/// <summary>How fast somebody may ask.</summary>
[RulesOf(typeof(LimitOptions))]
internal record LimitBody
{
    /// <summary>The limit's name in messages and addresses.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>Whose requests are counted.</summary>
    public ScopeKind Scope { get; init; }

    /// <summary>Which one: its name or id; <c>*</c> gives each its own. Empty with <c>everything</c> alone.</summary>
    public string Value { get; init; } = string.Empty;

    /// <summary>What is counted.</summary>
    public LimitMetric Metric { get; init; }

    /// <summary>How many per <c>per</c>; with <c>concurrency</c> and <c>streams</c>, at once.</summary>
    public long Limit { get; init; } = 1;

    /// <summary>The time that <c>limit</c> is for.</summary>
    public TimeSpan Per { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How many may come at one moment after a pause. Default 0: as many as <c>limit</c>.</summary>
    public long Burst { get; init; }
}

/// <summary>What is shown of a provider's key.</summary>
[RulesOf(typeof(ProviderKey))]
internal record ProviderKeyFields
{
    /// <summary>Its name in messages and addresses.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call it. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>The upstream that it is for.</summary>
    public string Upstream { get; init; } = string.Empty;

    /// <summary>Its share of the sessions, beside the shares of the upstream's other keys. Default 1.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>Whether it is not used.</summary>
    public bool Disabled { get; init; }
}

/// <summary>A provider's key.</summary>
[RulesOf(typeof(ProviderKey))]
internal sealed record ProviderKeyBody : ProviderKeyFields
{
    /// <summary>The key. Never shown again; left out of a change, the old one stays.</summary>
    [Sensitive]
    public string Secret { get; init; } = string.Empty;
}

/// <summary>What is shown of an address that is told of events.</summary>
[RulesOf(typeof(Webhook))]
internal record WebhookFields
{
    /// <summary>Its name in messages and addresses.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call it. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>Events to send, exact or with <c>*</c>. Default: all.</summary>
    public IReadOnlyList<string> Events { get; init; } = [];

    /// <summary>Whether nothing is sent.</summary>
    public bool Disabled { get; init; }
}

/// <summary>An address that is told of events.</summary>
[RulesOf(typeof(Webhook))]
internal sealed record WebhookBody : WebhookFields
{
    /// <summary>Where events are sent, https. Never shown again but for its host; left out of a change, the old one stays.</summary>
    [Sensitive]
    public string Url { get; init; } = string.Empty;

    /// <summary>Signs what is sent, 16 characters or more. Never shown again; left out of a change, the old one stays.</summary>
    [Sensitive]
    public string Secret { get; init; } = string.Empty;
}

/// <summary>Somebody who may sign in.</summary>
[RulesOf(typeof(Person))]
internal record PersonBody
{
    /// <summary>Names the person in the audit log and addresses.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call them. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>Their e-mail address; the first sign-in with it, verified by the provider, is theirs.</summary>
    public string Email { get; init; } = string.Empty;

    /// <summary>Who vouches for them: an OpenID Connect issuer. Default: set at the first sign-in.</summary>
    public string Issuer { get; init; } = string.Empty;

    /// <summary>What the issuer calls them. Default: set at the first sign-in.</summary>
    public string Subject { get; init; } = string.Empty;

    /// <summary>What they may do.</summary>
    public Role Role { get; init; }

    /// <summary>Sees and changes this customer's alone. Default: every customer's.</summary>
    public string Customer { get; init; } = string.Empty;

    /// <summary>Sees and changes this team's alone. Default: every team's.</summary>
    public string Team { get; init; } = string.Empty;

    /// <summary>Which developer they are in keys and rows.</summary>
    public string Developer { get; init; } = string.Empty;

    /// <summary>Whether they may not sign in.</summary>
    public bool Disabled { get; init; }
}

/// <summary>What a program presents to the API, without the token.</summary>
[RulesOf(typeof(AdminToken))]
internal record AdminTokenBody
{
    /// <summary>Names the token in the audit log and addresses. Default: one is made.</summary>
    public string Id { get; init; } = string.Empty;

    /// <summary>What people call it. Default: the id.</summary>
    public string Name { get; init; } = string.Empty;

    /// <summary>What it may do.</summary>
    public Role Role { get; init; }

    /// <summary>Sees and changes this customer's alone. Default: every customer's.</summary>
    public string Customer { get; init; } = string.Empty;

    /// <summary>Sees and changes this team's alone. Default: every team's.</summary>
    public string Team { get; init; } = string.Empty;

    /// <summary>When it stops working. Default never.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>Whether it is refused.</summary>
    public bool Disabled { get; init; }
}
