using System.Security;
using System.Text.RegularExpressions;
using Tollgate.Testing;

namespace Tollgate.EndToEnd;

/// <summary>The real engine with its access control on: whoever connects may do what one role of deploy/clickhouse/grants.sql allows, and nothing else.</summary>
/// <remarks>
/// The engine keeps no users of its own making but reads some from a file, which stands in the data directory. So the role's rights are given to the
/// user that the store's connections have, and another role needs another start.
/// </remarks>
internal sealed partial class GrantedStore : IAsyncDisposable
{
    /// <summary>The file with the roles.</summary>
    public static readonly string Grants = RepositoryRoot.File("deploy", "clickhouse", "grants.sql");

    // Whom the materialized views belong to, on a server the user that ran the migrations.
    private const string Definer = "schema_owner";

    // What the store does for itself when it starts.
    private const string OwnNeeds = "GRANT SHOW, SELECT, CREATE, DROP ON default.*";

    private readonly TemporaryDirectory _directory = new();
    private StoreProcess? _process;
    private bool _isRunning = true;

    private GrantedStore()
    {
    }

    /// <summary>Where it listens; the same for every role.</summary>
    public Uri Address => _process!.Address;

    private string Data => _directory.Subdirectory("store");

    /// <summary>Starts with one role's rights.</summary>
    public static async Task<GrantedStore> StartAsync(string role)
    {
        var store = new GrantedStore();
        store.WriteUsers(role);
        store._process = await StoreProcess.StartAsync(store.Data);
        return store;
    }

    /// <summary>Ends it if it runs, and starts it again on the same address and data with another role's rights.</summary>
    public async Task BecomeAsync(string role)
    {
        if (_isRunning)
        {
            await StopAsync();
        }

        WriteUsers(role);
        await _process!.RestartAsync();
        _isRunning = true;
    }

    /// <summary>Ends it; it can become something again.</summary>
    public async Task StopAsync()
    {
        Assert.Equal(0, await _process!.StopAsync());
        _isRunning = false;
    }

    /// <summary>Runs one statement; the answer as text.</summary>
    public Task<string> QueryAsync(string sql) => _process!.QueryAsync(sql);

    /// <summary>Holds that a statement is refused for want of a right, and not for anything else.</summary>
    public async Task RefusesAsync(string sql)
    {
        var refusal = await Assert.ThrowsAsync<HttpRequestException>(() => QueryAsync(sql));
        Assert.Contains("Not enough privileges", refusal.Message, StringComparison.Ordinal);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_process is not null)
        {
            await _process.DisposeAsync();
        }

        _directory.Dispose();
    }

    /// <summary>The statements of one role as the users file has them: without whom they are for.</summary>
    private static string[] RightsOf(string role)
    {
        var rights = GrantStatement().Matches(File.ReadAllText(Grants)).Where(grant => grant.Groups["role"].Value == role).Select(static grant => grant.Groups["right"].Value).ToArray();
        Assert.NotEmpty(rights);
        return rights;
    }

    private void WriteUsers(string role)
    {
        var users = Path.Combine(Data, "users.xml");
        File.WriteAllText(Path.Combine(Data, "config.xml"), $"<clickhouse><users_config>{users}</users_config></clickhouse>");
        string[] rights = [OwnNeeds, $"GRANT SET DEFINER ON {Definer}", .. RightsOf(role)];
        File.WriteAllText(users, $"""
            <clickhouse>
              <profiles><default><default_view_definer>{Definer}</default_view_definer></default></profiles>
              <quotas><default/></quotas>
              <users>
                <default>
                  <password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
                  <grants>{string.Concat(rights.Select(static right => $"<query>{SecurityElement.Escape(right)}</query>"))}</grants>
                </default>
                <{Definer}>
                  <no_password/><networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>
                  <grants>{string.Concat(RightsOf("tollgate_migrator").Select(static right => $"<query>{SecurityElement.Escape(right)}</query>"))}</grants>
                </{Definer}>
              </users>
            </clickhouse>
            """);
    }

    [GeneratedRegex(@"^(?<right>GRANT .+) TO (?<role>\w+);$", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex GrantStatement();
}
