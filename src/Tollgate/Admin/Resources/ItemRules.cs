using Tollgate.Admin.Wire;
using Tollgate.Configuration;
using Tollgate.Control;
using Tollgate.Proxy.Configuration;
using ConfigurationPath = Tollgate.Configuration.ConfigurationPath;

namespace Tollgate.Admin.Resources;

/// <summary>What no attribute can say of one object: the rules of the file, held to it as if the file declared it alone.</summary>
internal static class ItemRules
{
    private const int LeastSecret = 16;

    /// <summary>Checks an object that is to be kept.</summary>
    /// <exception cref="ApiException">It breaks a rule (400): all it breaks.</exception>
    public static void Check(object item, IReadOnlyCollection<string> upstreams)
    {
        var problems = new ProblemList();
        var defaults = new TollgateOptions();
        var (options, section) = item switch
        {
            CustomerOptions customer => (defaults with { Customers = [customer] }, "customers[0]"),
            TeamOptions team => (defaults with { Teams = [team] }, "teams[0]"),
            ProjectOptions project => (defaults with { Projects = [project] }, "projects[0]"),
            KeyOptions key => (defaults with { Keys = [key] }, "keys[0]"),
            BudgetOptions budget => (defaults with { Budgets = [budget] }, "budgets[0]"),
            LimitOptions limit => (defaults with { Limits = [limit] }, "limits[0]"),
            _ => (null, string.Empty),
        };
        if (options is not null)
        {
            CrossFieldRules.Check(options, problems);
        }

        switch (item)
        {
            case ProviderKey key:
                CheckSecret(key.Secret, least: 1, problems);
                if (!upstreams.Contains(key.Upstream))
                {
                    problems.Add("upstream", $"is {ConfigurationPath.Quote(key.Upstream)}, which is no upstream. {Suggestion.For(key.Upstream, upstreams)}");
                }

                break;
            case Webhook webhook:
                CheckSecret(webhook.Secret, LeastSecret, problems);
                CheckUrl(webhook.Url, problems);
                break;
            case Person person when person.Issuer.Length == 0 != (person.Subject.Length == 0):
                problems.Add("subject", "is given without issuer, or the other way round. Give both, or neither to have them set at the first sign-in.");
                break;
        }

        BodyReader.ThrowIfAny(problems, section);
    }

    private static void CheckSecret(string secret, int least, ProblemList problems)
    {
        if (secret.Length < least)
        {
            problems.Add("secret", secret.Length == 0 ? "is required. Add it." : $"has {secret.Length} characters (not shown), but must have {least} or more.");
        }
        else if (secret.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            problems.Add("secret", "has a character (not shown) that can't stand in a header. Use visible ASCII alone.");
        }
    }

    private static void CheckUrl(string url, ProblemList problems)
    {
        // Whether the address may be reached is checked again when it is called: a name can be pointed elsewhere at any time.
        if (url.Length == 0)
        {
            problems.Add("url", "is required. Add it.");
        }
        else if (!Uri.TryCreate(url, UriKind.Absolute, out var parsed) || parsed.Scheme != Uri.UriSchemeHttps || parsed.UserInfo.Length > 0 || parsed.Fragment.Length > 0)
        {
            problems.Add("url", "(not shown, it may hold a secret) must be https:// with a host, without user name and fragment, such as https://hooks.example.com/tollgate.");
        }
    }
}
