using Microsoft.EntityFrameworkCore;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;

namespace Tollgate.Control.Tests;

/// <summary>The store in a file.</summary>
public sealed class SqliteControlStoreTests : ControlStoreTests
{
    [Fact]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public async Task The_file_and_those_beside_it_are_readable_by_their_owner_alone()
    {
        await Store.CreateAsync(Samples.Key("abcd"), Samples.Operator, Cancelled);
        const UnixFileMode owner = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        Assert.All(["control.db", "control.db-wal", "control.key"], file => Assert.Equal(owner, File.GetUnixFileMode(Path.Combine(Database.Directory, file))));
    }

    [Fact]
    public async Task Nothing_is_made_before_somebody_writes_and_what_is_read_until_then_is_empty()
    {
        var other = await Database.OpenAsync();
        await Store.SetDeclaredAsync(new TollgateOptions(), Cancelled);
        var read = await Store.ReadAsync(Cancelled);
        Assert.Equal((0L, 0, 0), (read.Revision, read.Keys.Count, read.Webhooks.Count));
        Assert.Equal(0, await Store.VersionAsync(Cancelled));
        Assert.Empty((await Store.ListAsync<KeyOptions>(new ListQuery(), Cancelled)).Items);
        Assert.Null(await Store.FindAsync<KeyOptions>("abcd", Cancelled));
        Assert.Empty((await Store.AuditAsync(new AuditQuery(), Cancelled)).Items);
        Assert.Empty(await Store.Deliveries.TakeDueAsync(1, TimeSpan.FromMinutes(1), Cancelled));
        Assert.Empty((await Store.Deliveries.DeliveriesAsync(null, null, 1, Cancelled)).Items);
        Assert.Equal(0, await Store.Deliveries.ForgetDeliveriesAsync(DateTimeOffset.MaxValue, Cancelled));
        Assert.Null(await Store.Sessions.FindSessionAsync("hash", Cancelled));
        Assert.Empty(Directory.GetFiles(Database.Directory));

        // One that was opened before there was a file sees what another wrote into it.
        await Store.CreateAsync(Samples.Key("abcd"), Samples.Operator, Cancelled);
        Assert.Equal(await Store.VersionAsync(Cancelled), await other.VersionAsync(Cancelled));
        Assert.Equal("abcd", Assert.Single((await other.ReadAsync(Cancelled)).Keys).Id);
    }

    [Fact]
    public async Task What_the_configuration_declares_is_written_down_at_the_start()
    {
        await Store.SetDeclaredAsync(new TollgateOptions { Teams = [new TeamOptions { Id = "red" }] }, Cancelled);
        Assert.Equal("red", Assert.Single((await Store.AuditAsync(new AuditQuery(), Cancelled)).Items).ObjectId);
    }

    [Fact]
    public async Task A_key_file_that_cannot_be_used_is_told_at_the_start_though_there_is_no_store_yet()
    {
        await File.WriteAllTextAsync(Path.Combine(Database.Directory, "control.key"), "c2hvcnQ=", Cancelled);
        Assert.Contains("does not hold 32 bytes", (await Assert.ThrowsAsync<InvalidOperationException>(() => Database.OpenAsync())).Message);
    }

    [Fact]
    public async Task A_migration_that_was_killed_does_not_keep_the_next_start_waiting()
    {
        await using var killed = new SqliteUnderTest();
        await killed.ExecuteAsync("""CREATE TABLE "__EFMigrationsLock" ("Id" INTEGER NOT NULL PRIMARY KEY, "Timestamp" TEXT NOT NULL)""");
        await killed.ExecuteAsync("""INSERT INTO "__EFMigrationsLock" VALUES (1, '2026-01-01')""");
        using var late = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        await killed.OpenAsync().WaitAsync(late.Token);
    }

    protected override Task<StoreUnderTest> CreateAsync() => Task.FromResult<StoreUnderTest>(new SqliteUnderTest());
}

/// <summary>The store in PostgreSQL.</summary>
public sealed class PostgresControlStoreTests(PostgresServer server) : ControlStoreTests
{
    protected override async Task<StoreUnderTest> CreateAsync() => new PostgresUnderTest(server, await server.CreateDatabaseAsync());
}

/// <summary>What the store promises, whichever database it is in.</summary>
public abstract class ControlStoreTests : IAsyncLifetime
{
    protected StoreUnderTest Database { get; private set; } = null!;

    protected ControlStore Store { get; private set; } = null!;

    protected static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        Database = await CreateAsync();
        Store = await Database.OpenAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (Database is not null)
        {
            await Database.DisposeAsync();
        }

        GC.SuppressFinalize(this);
    }

    protected abstract Task<StoreUnderTest> CreateAsync();

    [Fact]
    public async Task A_budget_event_that_two_gateways_see_is_queued_once_and_taken_by_one()
    {
        var other = await Database.OpenAsync();
        var happening = new BudgetHappening { At = Database.Time.GetUtcNow(), Kind = BudgetHappeningKind.Soft, Budget = "b" };
        QueuedHappening[] both = [new("one", DateTimeOffset.MaxValue, null, happening), new("two", DateTimeOffset.MaxValue, null, happening with { Id = Guid.NewGuid() })];
        var added = await Task.WhenAll(Store.BudgetEvents.AddAsync(both, Cancelled), other.BudgetEvents.AddAsync(both, Cancelled));
        Assert.Equal(2, added.Sum());
        var taken = await Task.WhenAll(
            Store.BudgetEvents.TakeDueAsync(10, TimeSpan.FromMinutes(1), Cancelled), other.BudgetEvents.TakeDueAsync(10, TimeSpan.FromMinutes(1), Cancelled));
        Assert.Equal(2, taken.SelectMany(static some => some).DistinctBy(static one => one.Happening.Id).Count());
        Assert.Equal(2, taken.Sum(static some => some.Count));
    }

    [Fact]
    public async Task A_budget_event_that_this_version_can_not_read_keeps_none_of_the_others_waiting()
    {
        var happening = new BudgetHappening { At = Database.Time.GetUtcNow(), Kind = BudgetHappeningKind.Soft, Budget = "b" };
        await Store.BudgetEvents.AddAsync([new("later", DateTimeOffset.MaxValue, null, happening)], Cancelled);
        await Database.ExecuteAsync("UPDATE deliveries SET event = '\"of a later version\"'");
        await Store.BudgetEvents.AddAsync([new("now", DateTimeOffset.MaxValue, null, happening with { Budget = "c" })], Cancelled);
        Assert.Equal("c", Assert.Single(await Store.BudgetEvents.TakeDueAsync(10, TimeSpan.FromMinutes(1), Cancelled)).Happening.Budget);
    }

    [Fact]
    public async Task An_object_is_created_found_replaced_and_deleted()
    {
        var created = await Store.CreateAsync(Samples.Key("abcd"), Samples.Operator, Cancelled);
        Assert.Equal((1, false), (created.Revision, created.IsReadOnly));
        Assert.Equal(Database.Time.GetUtcNow(), created.ChangedAt);

        Database.Time.Advance(TimeSpan.FromHours(1));
        var replaced = await Store.ReplaceAsync(created.Value with { Disabled = true, ExpiresAt = Database.Time.GetUtcNow() }, created.Revision, Samples.Operator, Cancelled);
        var found = await Store.FindAsync<KeyOptions>("abcd", Cancelled);
        Assert.Equal(2, found!.Revision);
        Assert.Equal(replaced.ChangedAt, found.ChangedAt);
        Assert.Equal(Samples.Json(replaced.Value), Samples.Json(found.Value));

        await Store.DeleteAsync<KeyOptions>("abcd", found.Revision, Samples.Operator, Cancelled);
        Assert.Null(await Store.FindAsync<KeyOptions>("abcd", Cancelled));
        Assert.Equal(3, await Store.VersionAsync(Cancelled));
        Assert.Equal(3, (await Store.ReadAsync(Cancelled)).Revision);
    }

    [Fact]
    public async Task A_change_of_what_somebody_else_changed_is_refused_and_leaves_no_trace()
    {
        var first = await Store.CreateAsync(Samples.Key("abcd"), Samples.Operator, Cancelled);
        await Store.ReplaceAsync(first.Value with { Name = "second" }, null, Samples.Operator, Cancelled);

        var conflict = await Assert.ThrowsAsync<ControlConflictException>(() => Store.ReplaceAsync(first.Value, first.Revision, Samples.Operator, Cancelled));
        Assert.Equal(2, conflict.CurrentRevision);
        Assert.Equal("The key \"abcd\" was changed meanwhile: it has revision 2, not 1. Read it again, then change it.", conflict.Message);
        await Assert.ThrowsAsync<ControlConflictException>(() => Store.DeleteAsync<KeyOptions>("abcd", first.Revision, Samples.Operator, Cancelled));
        await Assert.ThrowsAsync<ControlConflictException>(() => Store.CreateAsync(first.Value, Samples.Operator, Cancelled));
        await Assert.ThrowsAsync<ControlNotFoundException>(() => Store.ReplaceAsync(Samples.Key("gone"), null, Samples.Operator, Cancelled));
        await Assert.ThrowsAsync<ControlNotFoundException>(() => Store.DeleteAsync<KeyOptions>("gone", null, Samples.Operator, Cancelled));
        await Assert.ThrowsAsync<ControlNotFoundException>(() => Store.DeleteAsync<KeyOptions>("a\0b", null, Samples.Operator, Cancelled));

        Assert.Equal(2, await Store.VersionAsync(Cancelled));
        Assert.Equal(2, (await Store.AuditAsync(new AuditQuery(), Cancelled)).Items.Count);
    }

    [Fact]
    public async Task Of_two_writers_that_read_the_same_revision_exactly_one_wins()
    {
        var other = await Database.OpenAsync();
        var current = await Store.CreateAsync(new TeamOptions { Id = "team" }, Samples.Operator, Cancelled);
        for (var round = 0; round < 20; round++)
        {
            ControlStore[] writers = [Store, other, Store, other];
            var expected = current.Revision;
            var outcomes = await Task.WhenAll(writers.Select((writer, index) => Task.Run(async () =>
            {
                try
                {
                    return await writer.ReplaceAsync(new TeamOptions { Id = "team", Name = $"{round}.{index}" }, expected, Samples.Operator, Cancelled);
                }
                catch (ControlConflictException)
                {
                    return null;
                }
            })));
            var winner = Assert.Single(outcomes, static outcome => outcome is not null)!;
            current = (await Store.FindAsync<TeamOptions>("team", Cancelled))!;
            Assert.Equal(winner.Value, current.Value);
            Assert.Equal(winner.Revision, current.Revision);
        }

        Assert.Equal(21, await Store.VersionAsync(Cancelled));
    }

    [Fact]
    public async Task A_reading_is_of_one_moment_while_others_write()
    {
        var other = await Database.OpenAsync();
        var writing = Task.WhenAll(new[] { Store, other }.Select((store, writer) => Task.Run(async () =>
        {
            for (var i = 0; i < 50; i++)
            {
                // Twice as many customers as teams at each even version, one more at each odd one of this writer's pair.
                await store.CreateAsync(new CustomerOptions { Id = $"c{writer}-{i}" }, Samples.Operator, Cancelled);
                await store.CreateAsync(new TeamOptions { Id = $"t{writer}-{i}" }, Samples.Operator, Cancelled);
            }
        })));
        var readings = 0;
        do
        {
            // Nothing but creations: as many objects as changes, or the reading mixed two moments.
            var data = await Store.ReadAsync(Cancelled);
            Assert.Equal(data.Revision, data.Customers.Count + data.Teams.Count);
            readings++;
        }
        while (!writing.IsCompleted);
        await writing;
        Assert.Equal(200, (await Store.ReadAsync(Cancelled)).Revision);
        Assert.Equal(200, (await Store.AuditAsync(new AuditQuery { Limit = 1_000 }, Cancelled)).Items.Count);
        Assert.True(readings > 1);
    }

    [Fact]
    public async Task Pages_hold_every_object_once_in_the_order_of_bytes()
    {
        string[] ids = ["a", "B", "b", "Z", "_", "ab", "a-b", "a b", "ä", "\uFF5E", "😀", "z"];
        foreach (var id in ids)
        {
            await Store.CreateAsync(new CustomerOptions { Id = id }, Samples.Operator, Cancelled);
        }

        // An astral character is after U+FF5E by bytes, before it by UTF-16 units.
        string[] expected = ["B", "Z", "_", "a", "a b", "a-b", "ab", "b", "z", "ä", "\uFF5E", "😀"];
        foreach (var limit in new[] { 1, 2, 5, 11, 12, 13, 1_000 })
        {
            Assert.Equal(expected, (await AllAsync<CustomerOptions>(new ListQuery { Limit = limit })).Select(static item => item.Value.Id));
        }

        Assert.Equal(expected, (await Store.ReadAsync(Cancelled)).Customers.Select(static item => item.Id));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.ListAsync<CustomerOptions>(new ListQuery { Limit = 0 }, Cancelled));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.ListAsync<CustomerOptions>(new ListQuery { Limit = 1_001 }, Cancelled));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.ListAsync<CustomerOptions>(new ListQuery { Team = "x" }, Cancelled));
    }

    [Fact]
    public async Task Pages_merge_declared_objects_with_stored_ones()
    {
        for (var i = 0; i < 40; i++)
        {
            await Store.CreateAsync(new ProjectOptions { Id = $"p{i:00}", Team = i % 2 == 0 ? "even" : "odd", Name = "stored" }, Samples.Operator, Cancelled);
        }

        // Over stored ones, between them, and with another team than the stored one it hides.
        await Store.SetDeclaredAsync(new TollgateOptions
        {
            Projects = [.. Enumerable.Range(10, 15).Select(static i => new ProjectOptions { Id = $"p{i:00}", Team = "odd", Name = "declared" }), new ProjectOptions { Id = "p05a", Team = "even", Name = "declared" }],
        }, Cancelled);

        foreach (var limit in new[] { 1, 3, 7, 100 })
        {
            var all = await AllAsync<ProjectOptions>(new ListQuery { Limit = limit });
            Assert.Equal(41, all.Count);
            Assert.Equal(all.Select(static item => item.Value.Id).Order(StringComparer.Ordinal), all.Select(static item => item.Value.Id));
            Assert.All(all, static item => Assert.Equal(item.IsReadOnly, item.Value.Name == "declared"));
            var even = await AllAsync<ProjectOptions>(new ListQuery { Limit = limit, Team = "even" });
            Assert.Equal(all.Where(static item => item.Value.Team == "even").Select(static item => item.Value.Id), even.Select(static item => item.Value.Id));
            Assert.Equal(16, (await AllAsync<ProjectOptions>(new ListQuery { Limit = limit, Text = "DECLARED" })).Count);
        }
    }

    [Fact]
    public async Task Every_text_of_every_kind_is_stored_and_found_back_verbatim()
    {
        foreach (var text in Samples.Awkward)
        {
            await RoundTripAsync<CustomerOptions>(text);
            await RoundTripAsync<TeamOptions>(text);
            await RoundTripAsync<ProjectOptions>(text);
            await RoundTripAsync<KeyOptions>(text);
            await RoundTripAsync<BudgetOptions>(text);
            await RoundTripAsync<LimitOptions>(text);
            await RoundTripAsync<ProviderKey>(text);
            await RoundTripAsync<Webhook>(text);
            await RoundTripAsync<Person>(text);
            await RoundTripAsync<AdminToken>(text);
        }

        var data = await Store.ReadAsync(Cancelled);
        Assert.Equal(Samples.Awkward.Length, data.AdminTokens.Count);
        Assert.Equal(Samples.Awkward.Length * ControlKind.All.Count, data.Revision);

        async Task RoundTripAsync<T>(string text)
            where T : class, new()
        {
            var kind = ControlKind.Of<T>();
            var item = Samples.Filled<T>(text);
            var id = kind.IdOf(item);
            await Store.CreateAsync(item, new Actor(text, text, text), Cancelled);
            Assert.Equal(Samples.Json(item), Samples.Json((await Store.FindAsync<T>(id, Cancelled))!.Value));

            foreach (var column in kind.Columns.Where(static column => column != nameof(ListQuery.Scope)))
            {
                var query = new ListQuery();
                typeof(ListQuery).GetProperty(column)!.SetValue(query, typeof(T).GetProperty(column)!.GetValue(item));
                Assert.Equal(id, kind.IdOf(Assert.Single((await Store.ListAsync<T>(query, Cancelled)).Items).Value));
            }

            Assert.Contains((await Store.ListAsync<T>(new ListQuery { Text = text }, Cancelled)).Items, found => kind.IdOf(found.Value) == id);
            Assert.Equal(text, Assert.Single((await Store.AuditAsync(new AuditQuery { Kind = kind.Name, ObjectId = id, ActorId = text }, Cancelled)).Items).Actor.Address);
        }
    }

    [Fact]
    public async Task A_search_ignores_case_and_knows_no_wildcards()
    {
        await Store.CreateAsync(Samples.Key("abcd") with { Email = "Zoë@Example.org", Tags = ["cost-centre=42"] }, Samples.Operator, Cancelled);
        await Store.CreateAsync(Samples.Key("efgh") with { Name = "100%" }, Samples.Operator, Cancelled);
        Assert.Equal("abcd", await OnlyAsync("zOË@example"));
        Assert.Equal("abcd", await OnlyAsync("CENTRE=4"));
        Assert.Equal("efgh", await OnlyAsync("0%"));
        Assert.Equal("efgh", await OnlyAsync("%"));
        Assert.Empty((await Store.ListAsync<KeyOptions>(new ListQuery { Text = "_" }, Cancelled)).Items);
        Assert.Empty((await Store.ListAsync<KeyOptions>(new ListQuery { Text = "a\0b" }, Cancelled)).Items);

        async Task<string> OnlyAsync(string text) => Assert.Single((await Store.ListAsync<KeyOptions>(new ListQuery { Text = text }, Cancelled)).Items).Value.Id;
    }

    [Fact]
    public async Task A_text_that_one_database_could_not_keep_is_refused_by_both()
    {
        await Assert.ThrowsAsync<ArgumentException>(() => Store.CreateAsync(Samples.Key("abcd") with { Team = "a\0b" }, Samples.Operator, Cancelled));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.CreateAsync(Samples.Key("abcd") with { Team = new string('x', 513) }, Samples.Operator, Cancelled));
        await Store.CreateAsync(Samples.Key("abcd") with { Team = new string('日', 512) }, Samples.Operator, Cancelled);
        await Store.SetDeclaredAsync(new TollgateOptions { Keys = [Samples.Key("efgh") with { Team = "a\0b", Name = new string('x', 5_000) }] }, Cancelled);
        Assert.Equal("a\0b", (await Store.FindAsync<KeyOptions>("efgh", Cancelled))!.Value.Team);
        Assert.Null(await Store.FindAsync<KeyOptions>("a\0b", Cancelled));
        await Store.NoteAsync(new Actor("a\0b", ActorKinds.Person, "192.0.2.1"), "session", "x\0y", "login-refused", Cancelled);
        Assert.Equal("a\uFFFDb", (await Store.AuditAsync(new AuditQuery { Limit = 1 }, Cancelled)).Items[0].Actor.Id);
        await Store.NoteAsync(new Actor(string.Concat(Enumerable.Range(0, 20_000).Select(static i => (char)('!' + (i * 31 % 90)))), ActorKinds.Person, string.Empty), "session", string.Empty, "login-refused", Cancelled);
        Assert.Equal(512, (await Store.AuditAsync(new AuditQuery { Limit = 1 }, Cancelled)).Items[0].Actor.Id.Length);
    }

    [Fact]
    public async Task The_audit_log_shows_before_and_after_and_no_secret_is_in_it_or_in_the_files()
    {
        const string secret = "canary-7f3a9c-provider-secret";
        const string second = "canary-51be02-second-secret";
        const string signing = "canary-e8d417-webhook-secret";
        const string address = "https://example.org/services/canary-92c0b3-webhook-url";
        const string visible = "canary-00aa11-visible-name";
        await Store.CreateAsync(Samples.Provider("main", secret) with { Name = visible }, Samples.Operator, Cancelled);
        await Store.ReplaceAsync(Samples.Provider("main", secret) with { Name = "renamed" }, null, Samples.Operator, Cancelled);
        await Store.ReplaceAsync(Samples.Provider("main", second), null, Samples.Operator, Cancelled);
        await Store.CreateAsync(new Webhook { Id = "hook", Url = address, Secret = signing }, Samples.Operator, Cancelled);
        await Store.CreateAsync(Samples.Key("abcd"), Samples.Operator, Cancelled);
        await Store.ReplaceAsync(Samples.Key("abcd") with { Hash = Samples.Hash('b'), PreviousHash = Samples.Hash('a') }, null, Samples.Operator, Cancelled);
        await Store.DeleteAsync<ProviderKey>("main", null, Samples.Operator, Cancelled);

        var log = (await Store.AuditAsync(new AuditQuery(), Cancelled)).Items;
        Assert.Equal(["delete", "replace", "create", "create", "replace", "replace", "create"], log.Select(static entry => entry.Action));
        Assert.All(log, static entry => Assert.Equal(Samples.Operator, entry.Actor));
        Assert.DoesNotContain(log, static entry => $"{entry.Before}{entry.After}" is var text && (text.Contains("canary-7") || text.Contains("canary-5") || text.Contains("canary-e") || text.Contains("canary-9") || text.Contains("v1.") || text.Contains("sha256:")));
        Assert.Equal("""{"id":"main","name":"","upstream":"anthropic","secret":"***","weight":1,"disabled":false}""", log[0].Before);
        Assert.Null(log[0].After);
        Assert.Contains("\"hash\":\"*** (changed)\",", log[1].After);
        Assert.Contains("\"previousHash\":\"*** (changed)\",", log[1].After);
        Assert.Contains("\"secret\":\"*** (changed)\"", log[4].After);
        Assert.Contains("\"secret\":\"***\"", log[5].After);
        Assert.Contains($"\"name\":\"{visible}\"", log[5].Before);
        Assert.Contains("\"name\":\"renamed\"", log[5].After);
        Assert.Equal(("create", null), (log[6].Action, log[6].Before));

        // The files are searched well enough to find what is not secret.
        Assert.NotEqual(0, await Database.FilesHoldingAsync(visible));
        foreach (var hidden in new[] { secret, second, signing, address })
        {
            Assert.Equal(0, await Database.FilesHoldingAsync(hidden));
        }
    }

    [Fact]
    public async Task The_audit_log_is_paged_and_filtered()
    {
        var other = new Actor("anna", ActorKinds.Person, "192.0.2.8");
        for (var i = 0; i < 12; i++)
        {
            await Store.CreateAsync(new TeamOptions { Id = $"t{i}" }, i % 3 == 0 ? other : Samples.Operator, Cancelled);
            Database.Time.Advance(TimeSpan.FromMinutes(1));
        }

        await Store.NoteAsync(other, "session", string.Empty, "login", Cancelled);
        var all = new List<AuditEntry>();
        string? after = null;
        do
        {
            var page = await Store.AuditAsync(new AuditQuery { Limit = 5, After = after }, Cancelled);
            all.AddRange(page.Items);
            after = page.Next;
        }
        while (after is not null);
        Assert.Equal(["", .. Enumerable.Range(0, 12).Reverse().Select(static i => $"t{i}")], all.Select(static entry => entry.ObjectId));
        Assert.Equal(all.OrderByDescending(static entry => entry.At).Select(static entry => entry.Id), all.Select(static entry => entry.Id));

        var start = all[^1].At;
        Assert.Equal(5, (await Store.AuditAsync(new AuditQuery { ActorId = "anna" }, Cancelled)).Items.Count);
        Assert.Equal("t7", Assert.Single((await Store.AuditAsync(new AuditQuery { Kind = "team", ObjectId = "t7" }, Cancelled)).Items).ObjectId);
        Assert.Equal(["t4", "t3"], (await Store.AuditAsync(new AuditQuery { Since = start.AddMinutes(3), Until = start.AddMinutes(5) }, Cancelled)).Items.Select(static entry => entry.ObjectId));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.AuditAsync(new AuditQuery { After = "1; DROP TABLE audit" }, Cancelled));
    }

    [Fact]
    public async Task A_declared_object_stands_in_place_of_the_stored_one_and_cannot_be_changed_from_here()
    {
        await Store.CreateAsync(new BudgetOptions { Id = "all", LimitUsd = Nanodollars.FromDollars(10) }, Samples.Operator, Cancelled);
        var options = new TollgateOptions { Budgets = [new BudgetOptions { Id = "all", LimitUsd = Nanodollars.FromDollars(5) }], Keys = [Samples.Key("abcd", "red")] };
        await Store.SetDeclaredAsync(options, Cancelled);

        var found = (await Store.FindAsync<BudgetOptions>("all", Cancelled))!;
        Assert.Equal((true, Nanodollars.FromDollars(5)), (found.IsReadOnly, found.Value.LimitUsd!.Value));
        Assert.True(found.Revision > 1);
        Assert.True(Assert.Single((await Store.ListAsync<KeyOptions>(new ListQuery { Team = "red" }, Cancelled)).Items).IsReadOnly);
        var data = await Store.ReadAsync(Cancelled);
        Assert.Equal(Nanodollars.FromDollars(5), Assert.Single(data.Budgets).LimitUsd);
        Assert.Same(data.Keys, data.In(options).Keys);

        var refused = await Assert.ThrowsAsync<ControlReadOnlyException>(() => Store.ReplaceAsync(found.Value, null, Samples.Operator, Cancelled));
        Assert.Equal("The budget \"all\" is declared in tollgate.json and can't be changed from here. Edit tollgate.json.", refused.Message);
        await Assert.ThrowsAsync<ControlReadOnlyException>(() => Store.DeleteAsync<KeyOptions>("abcd", null, Samples.Operator, Cancelled));
        await Assert.ThrowsAsync<ControlReadOnlyException>(() => Store.CreateAsync(Samples.Key("abcd"), Samples.Operator, Cancelled));

        // Taken out of the file, the stored one shows again.
        await Store.SetDeclaredAsync(new TollgateOptions(), Cancelled);
        Assert.Equal(Nanodollars.FromDollars(10), (await Store.FindAsync<BudgetOptions>("all", Cancelled))!.Value.LimitUsd);
        Assert.Null(await Store.FindAsync<KeyOptions>("abcd", Cancelled));
    }

    [Fact]
    public async Task What_the_file_declares_otherwise_than_before_is_in_the_audit_log_once()
    {
        var first = new TollgateOptions { Keys = [Samples.Key("abcd"), Samples.Key("efgh")] };
        await Store.SetDeclaredAsync(first, Cancelled);
        await Store.SetDeclaredAsync(first with { }, Cancelled);
        var revision = (await Store.FindAsync<KeyOptions>("efgh", Cancelled))!.Revision;

        // Neither a restart nor another gateway with the same file is a change.
        Database.Time.Advance(TimeSpan.FromDays(1));
        var restarted = await Database.OpenAsync();
        await restarted.SetDeclaredAsync(first, Cancelled);
        Assert.Equal(revision, (await restarted.FindAsync<KeyOptions>("efgh", Cancelled))!.Revision);
        Assert.Equal(revision, await restarted.VersionAsync(Cancelled));

        await restarted.SetDeclaredAsync(new TollgateOptions { Keys = [Samples.Key("abcd") with { Disabled = true, Hash = Samples.Hash('c') }] }, Cancelled);
        var log = (await Store.AuditAsync(new AuditQuery(), Cancelled)).Items;
        Assert.Equal([("delete", "efgh"), ("replace", "abcd"), ("create", "efgh"), ("create", "abcd")], log.Select(static entry => (entry.Action, entry.ObjectId)).OrderByDescending(static entry => entry.Action == "delete" ? 3 : entry.Action == "replace" ? 2 : 1).ThenByDescending(static entry => entry.ObjectId));
        Assert.All(log, static entry => Assert.Equal(Actor.Configuration, entry.Actor));
        Assert.All(log, static entry => Assert.DoesNotContain("sha256", $"{entry.Before}{entry.After}"));
        Assert.Contains("*** (changed)", Assert.Single(log, static entry => entry.Action == "replace").After);
    }

    [Fact]
    public async Task A_restart_finds_everything_as_it_was()
    {
        await Store.CreateAsync(Samples.Filled<CustomerOptions>("a"), Samples.Operator, Cancelled);
        await Store.CreateAsync(Samples.Filled<KeyOptions>("a"), Samples.Operator, Cancelled);
        await Store.CreateAsync(Samples.Filled<BudgetOptions>("a") with { Raises = [new RaiseOptions { Usd = new Nanodollars(1), Until = Database.Time.GetUtcNow() }], Scope = ScopeKind.Session, Mode = BudgetMode.Strict }, Samples.Operator, Cancelled);
        await Store.CreateAsync(Samples.Filled<LimitOptions>("a") with { Per = TimeSpan.FromHours(5), Metric = LimitMetric.Streams, Limit = long.MaxValue }, Samples.Operator, Cancelled);
        await Store.CreateAsync(Samples.Filled<ProviderKey>("a"), Samples.Operator, Cancelled);
        await Store.CreateAsync(Samples.Filled<Person>("a") with { Role = Role.Administrator }, Samples.Operator, Cancelled);
        var before = Samples.Json(await Store.ReadAsync(Cancelled));

        Store.Dispose();
        var restarted = await Database.OpenAsync();
        Assert.Equal(before, Samples.Json(await restarted.ReadAsync(Cancelled)));
        Assert.Contains("aSecret", before);
    }

    [Fact]
    public async Task Gateways_that_start_at_once_on_an_empty_database_all_find_it_whole()
    {
        await using var empty = await CreateAsync();
        var key = Path.Combine(empty.Directory, "shared.key");
        var stores = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => empty.OpenAsync(key))));
        await stores[0].CreateAsync(Samples.Provider("main", "secret"), Samples.Operator, Cancelled);
        Assert.All(await Task.WhenAll(stores.Select(static store => store.FindAsync<ProviderKey>("main", Cancelled))), static found => Assert.Equal("secret", found!.Value.Secret));
    }

    [Fact]
    public async Task The_migrations_make_the_tables_that_the_code_knows()
    {
        await Store.CreateAsync(Samples.Key("made"), Samples.Operator, Cancelled);
        await using var tables = Database.OpenTables();
        Assert.False(tables.Database.HasPendingModelChanges());
        Assert.Empty(await tables.Database.GetPendingMigrationsAsync(Cancelled));
    }

    [Fact]
    public async Task Tables_of_a_newer_version_are_left_alone()
    {
        await Store.CreateAsync(Samples.Key("made"), Samples.Operator, Cancelled);
        await Database.ExecuteAsync("""INSERT INTO "__EFMigrationsHistory" VALUES ('29990101000000_Later', '99.0')""");
        var refused = await Assert.ThrowsAsync<InvalidOperationException>(() => Database.OpenAsync());
        Assert.Contains("newer version of Tollgate", refused.Message);
    }

    [Theory]
    [InlineData("UPDATE provider_keys SET document = (SELECT other.document FROM provider_keys AS other WHERE other.id = 'other') WHERE id = 'main'")]
    [InlineData("UPDATE provider_keys SET document = (SELECT document FROM webhooks WHERE webhooks.id = 'main') WHERE id = 'main'")]
    [InlineData("UPDATE provider_keys SET document = replace(document, 'v1.', 'v1.AAAA')")]
    [InlineData("UPDATE provider_keys SET document = replace(document, 'v1.', 'v2.')")]
    public async Task A_secret_put_in_anothers_place_is_noticed(string tampering)
    {
        await Store.CreateAsync(Samples.Provider("main", "secret"), Samples.Operator, Cancelled);
        await Store.CreateAsync(Samples.Provider("other", "secret"), Samples.Operator, Cancelled);
        await Store.CreateAsync(new Webhook { Id = "main", Secret = "secret" }, Samples.Operator, Cancelled);
        await Database.ExecuteAsync(tampering);

        var noticed = await Assert.ThrowsAsync<ControlSecretException>(() => Store.FindAsync<ProviderKey>("main", Cancelled));
        Assert.Equal(("provider-key", "main"), (noticed.Kind, noticed.Id));
        await Assert.ThrowsAsync<ControlSecretException>(() => Store.ReadAsync(Cancelled));

        // It can still be put right.
        await Store.ReplaceAsync(Samples.Provider("main", "new"), null, Samples.Operator, Cancelled);
        Assert.Equal("new", (await Store.FindAsync<ProviderKey>("main", Cancelled))!.Value.Secret);
    }

    [Fact]
    public async Task Without_its_key_file_the_store_does_not_open()
    {
        await Store.CreateAsync(Samples.Key("made"), Samples.Operator, Cancelled);
        var key = Path.Combine(Database.Directory, "control.key");
        var lost = await Assert.ThrowsAsync<InvalidOperationException>(() => Database.OpenAsync(key + ".lost"));
        Assert.StartsWith($"There is no key file {key}.lost, but the control store has one.", lost.Message);
        Assert.False(File.Exists(key + ".lost"));

        await File.WriteAllTextAsync(key + ".other", Convert.ToBase64String(new byte[32]), Cancelled);
        Assert.Contains("is not the control store's", (await Assert.ThrowsAsync<InvalidOperationException>(() => Database.OpenAsync(key + ".other"))).Message);
        await File.WriteAllTextAsync(key + ".short", "c2hvcnQ=", Cancelled);
        Assert.Contains("does not hold 32 bytes", (await Assert.ThrowsAsync<InvalidOperationException>(() => Database.OpenAsync(key + ".short"))).Message);

        File.Copy(key, key + ".copy");
        await Database.OpenAsync(key + ".copy");
    }

    [Fact]
    public async Task A_change_that_is_given_up_changes_nothing()
    {
        using var gone = new CancellationTokenSource();
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.CreateAsync(Samples.Key("abcd"), Samples.Operator, gone.Token));
        Assert.Equal(0, await Store.VersionAsync(Cancelled));
        await Store.CreateAsync(Samples.Key("abcd"), Samples.Operator, Cancelled);
    }

    [Fact]
    public async Task A_delivery_is_given_to_one_taker_until_its_lease_is_over()
    {
        var other = await Database.OpenAsync();
        Assert.True(await Store.Deliveries.EnqueueAsync("hook", "event-1", """{"n":1}""", Cancelled));
        Assert.False(await other.Deliveries.EnqueueAsync("hook", "event-1", """{"n":1}""", Cancelled));
        for (var i = 2; i <= 20; i++)
        {
            await Store.Deliveries.EnqueueAsync("hook", $"event-{i}", "{}", Cancelled);
        }

        var lease = TimeSpan.FromSeconds(30);
        var taken = await Task.WhenAll(new[] { Store, other, Store, other }.Select(store => Task.Run(() => store.Deliveries.TakeDueAsync(5, lease, Cancelled))));
        Assert.Equal(20, taken.SelectMany(static some => some).Select(static delivery => delivery.Id).Distinct().Count());
        Assert.Empty(await other.Deliveries.TakeDueAsync(5, lease, Cancelled));

        // Whoever took it died: it is due again after the lease.
        Database.Time.Advance(lease);
        var first = (await other.Deliveries.TakeDueAsync(1, lease, Cancelled))[0];
        Assert.Equal(2, first.Attempts);

        await other.Deliveries.MarkFailedAsync(first.Id, "503 from \0 example.org", Database.Time.GetUtcNow() + TimeSpan.FromHours(1), Cancelled);
        var shown = (await Store.Deliveries.DeliveriesAsync("hook", null, 100, Cancelled)).Items;
        Assert.Equal(20, shown.Count);
        Assert.StartsWith("503", Assert.Single(shown, delivery => delivery.Id == first.Id).LastError);
        Assert.Equal(19, (await Store.Deliveries.TakeDueAsync(100, lease, Cancelled)).Count);
        Database.Time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(20, (await Store.Deliveries.TakeDueAsync(100, lease, Cancelled)).Count);
    }

    [Fact]
    public async Task A_delivery_that_arrived_or_was_given_up_is_not_tried_again()
    {
        await Store.Deliveries.EnqueueAsync("hook", "1", "{}", Cancelled);
        await Store.Deliveries.EnqueueAsync("hook", "2", "{}", Cancelled);
        await Store.Deliveries.EnqueueAsync("other", "1", "{}", Cancelled);
        var taken = await Store.Deliveries.TakeDueAsync(10, TimeSpan.FromSeconds(1), Cancelled);
        await Store.Deliveries.MarkDeliveredAsync(taken[0].Id, Cancelled);
        await Store.Deliveries.MarkFailedAsync(taken[1].Id, "gone", null, Cancelled);
        await Store.Deliveries.MarkFailedAsync(taken[0].Id, "late news", Database.Time.GetUtcNow(), Cancelled);

        Database.Time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(taken[2].Id, Assert.Single(await Store.Deliveries.TakeDueAsync(10, TimeSpan.FromSeconds(1), Cancelled)).Id);
        var page = await Store.Deliveries.DeliveriesAsync(null, null, 2, Cancelled);
        Assert.Equal([taken[2].Id, taken[1].Id], page.Items.Select(static delivery => delivery.Id));
        var rest = await Store.Deliveries.DeliveriesAsync(null, page.Next, 2, Cancelled);
        Assert.NotNull(Assert.Single(rest.Items).DeliveredAt);
        Assert.Null(rest.Next);
        Assert.Equal(2, await Store.Deliveries.ForgetDeliveriesAsync(Database.Time.GetUtcNow(), Cancelled));
    }

    [Fact]
    public async Task A_session_lasts_until_it_expires_or_is_ended()
    {
        var now = Database.Time.GetUtcNow();
        var session = new Session("hash-1", "anna", Role.Editor, now, now, now.AddMinutes(30), "csrf-token");
        await Store.Sessions.CreateSessionAsync(session, Cancelled);
        await Store.Sessions.CreateSessionAsync(session with { IdHash = "hash-2" }, Cancelled);
        await Store.Sessions.CreateSessionAsync(session with { IdHash = "hash-3", PersonId = "ben" }, Cancelled);
        var other = await Database.OpenAsync();
        Assert.Equal(session, await other.Sessions.FindSessionAsync("hash-1", Cancelled));
        Assert.DoesNotContain("csrf-token", session.ToString());

        Database.Time.Advance(TimeSpan.FromMinutes(20));
        await Store.Sessions.TouchSessionAsync("hash-1", now.AddMinutes(50), Cancelled);
        Database.Time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal(now.AddMinutes(20), (await other.Sessions.FindSessionAsync("hash-1", Cancelled))!.LastSeen);
        Assert.Null(await other.Sessions.FindSessionAsync("hash-2", Cancelled));
        Assert.Equal(2, await Store.Sessions.DeleteExpiredSessionsAsync(Cancelled));

        Assert.True(await Store.Sessions.DeleteSessionAsync("hash-1", Cancelled));
        Assert.False(await Store.Sessions.DeleteSessionAsync("hash-1", Cancelled));
        await Store.Sessions.CreateSessionAsync(session with { Expires = now.AddDays(1) }, Cancelled);
        Assert.Equal(1, await Store.Sessions.DeleteSessionsOfAsync("anna", Cancelled));
    }

    private async Task<List<Stored<T>>> AllAsync<T>(ListQuery query)
        where T : class
    {
        var all = new List<Stored<T>>();
        for (var next = query; ;)
        {
            var page = await Store.ListAsync<T>(next, Cancelled);
            all.AddRange(page.Items);
            Assert.InRange(page.Items.Count, 0, query.Limit);
            if (page.Next is null)
            {
                return all;
            }

            next = query with { After = page.Next };
        }
    }
}
