using Tollgate.Control;
using Tollgate.Proxy.Facts;

namespace Tollgate.Budgets;

/// <summary>Whose a budget is, for the history's column <c>customer</c>.</summary>
internal static class BudgetCustomer
{
    /// <summary>The customer that the value of a scope belongs to; where it is of none in particular, the only one there is; else empty.</summary>
    public static string Of(ControlData data, ScopeKind scope, string value)
    {
        var owner = scope switch
        {
            ScopeKind.Customer when value != "*" => value,
            ScopeKind.Team => OfTeam(value),
            ScopeKind.Project => OfTeam(data.Projects.FirstOrDefault(project => project.Id == value)?.Team),
            ScopeKind.Key => OfKeys(key => key.Id == value),
            ScopeKind.Developer => OfKeys(key => key.Developer == value),
            _ => string.Empty,
        };
        return owner.Length > 0 ? owner : OfKeys(static _ => true);

        string OfTeam(string? team) => data.Teams.FirstOrDefault(one => one.Id == team)?.Customer ?? string.Empty;

        string OfKeys(Func<Proxy.Configuration.KeyOptions, bool> isOne)
        {
            var customers = data.Keys.Where(isOne).Select(key => key.Customer.Length > 0 ? key.Customer : OfTeam(key.Team)).Distinct().Take(2).ToArray();
            return customers.Length == 1 ? customers[0] : string.Empty;
        }
    }
}
