using Tollgate.Admin.Resources;
using Tollgate.Control;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Admin.Access;

/// <summary>What a caller sees of the control store, and may change.</summary>
/// <remarks>
/// Somebody confined to a team (a lead) sees the team, its keys, its projects and the budgets and limits of all these; changes keys, and the budgets and limits
/// of keys and projects. What bounds the team itself they can't change: nobody widens their own rights. The same one level up for a customer, whose teams'
/// bounds they may change. What they can't see does not exist for them.
/// </remarks>
internal sealed class Reach
{
    private readonly bool _isAll;
    private readonly string _customer;
    private readonly string _team;
    private readonly HashSet<string> _customers = new(StringComparer.Ordinal);
    private readonly HashSet<string> _teams = new(StringComparer.Ordinal);
    private readonly HashSet<string> _projects = new(StringComparer.Ordinal);
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);

    // Developers with a key elsewhere: a key in their name would spend, and show, what is theirs.
    private readonly HashSet<string> _otherDevelopers = new(StringComparer.Ordinal);

    private Reach(Caller caller)
    {
        _isAll = !caller.IsConfined;
        _customer = caller.Customer;
        _team = caller.Team;
    }

    /// <summary>Finds it. Nothing is read for somebody who sees everything.</summary>
    public static async Task<Reach> OfAsync(Caller caller, IControlStore store, CancellationToken cancellation)
    {
        var reach = new Reach(caller);
        if (reach._isAll)
        {
            return reach;
        }

        if (reach._team.Length > 0)
        {
            reach._teams.Add(reach._team);
            if ((await store.FindAsync<TeamOptions>(reach._team, cancellation))?.Value.Customer is { Length: > 0 } customer)
            {
                reach._customers.Add(customer);
            }
        }
        else
        {
            reach._customers.Add(reach._customer);
            await foreach (var team in store.AllAsync<TeamOptions>(new ListQuery { Customer = reach._customer }, cancellation))
            {
                reach._teams.Add(team.Value.Id);
            }
        }

        await foreach (var project in store.AllAsync<ProjectOptions>(new ListQuery(), cancellation))
        {
            if (reach._teams.Contains(project.Value.Team))
            {
                reach._projects.Add(project.Value.Id);
            }
        }

        await foreach (var key in store.AllAsync<KeyOptions>(new ListQuery(), cancellation))
        {
            if (reach.SeesKey(key.Value))
            {
                reach._keys.Add(key.Value.Id);
            }
            else if (key.Value.Developer.Length > 0)
            {
                reach._otherDevelopers.Add(key.Value.Developer);
            }
        }

        return reach;
    }

    /// <summary>The team that a new key takes when none is given; empty when there is no one team.</summary>
    public string OwnTeam => _isAll ? string.Empty : _team;

    /// <summary>The customer that a new key takes when none is given; empty when there is no one customer.</summary>
    public string OwnCustomer => _isAll || _team.Length > 0 ? string.Empty : _customer;

    /// <summary>Whether they see it.</summary>
    public bool Sees(object item) => _isAll || item switch
    {
        CustomerOptions customer => _customers.Contains(customer.Id),
        TeamOptions team => _teams.Contains(team.Id),
        ProjectOptions project => _teams.Contains(project.Team),
        KeyOptions key => SeesKey(key),
        BudgetOptions budget => Sees(budget.Scope, budget.Value),
        LimitOptions limit => Sees(limit.Scope, limit.Value),
        _ => false,
    };

    /// <summary>Whether they see what is counted for this.</summary>
    public bool Sees(ScopeKind scope, string value) => _isAll || scope switch
    {
        // A team's customer has other teams: what they spend together is not for one of them.
        ScopeKind.Customer => _team.Length == 0 && _customers.Contains(value),
        ScopeKind.Team => _teams.Contains(value),
        ScopeKind.Project => _projects.Contains(value),
        ScopeKind.Key => _keys.Contains(value),
        _ => false,
    };

    /// <summary>Whether they may add it, change it or remove it; of something they see.</summary>
    public bool Changes(object item) => _isAll || item switch
    {
        // A key may name the customer and team that it is under; never those of somebody else.
        KeyOptions key => SeesKey(key) && !_otherDevelopers.Contains(key.Developer) && (key.Customer.Length == 0 || _customers.Contains(key.Customer)) && (key.Project.Length == 0 || _projects.Contains(key.Project)),
        // A project's name may be in use by keys and clients that nobody listed, and budgets go by it: so who is confined doesn't name projects.
        BudgetOptions budget => Bounds(budget.Scope, budget.Value),
        LimitOptions limit => Bounds(limit.Scope, limit.Value),
        _ => false,
    };

    private bool Bounds(ScopeKind scope, string value) => Sees(scope, value) && scope switch
    {
        ScopeKind.Key or ScopeKind.Project => true,
        ScopeKind.Team => _team.Length == 0,
        _ => false,
    };

    private bool SeesKey(KeyOptions key) => _teams.Contains(key.Team) || (_team.Length == 0 && key.Customer == _customer && key.Team.Length == 0);
}
