using Microsoft.Extensions.Time.Testing;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;

using Tollgate.Testing.Gateway;

namespace Tollgate.Proxy.Tests.Recording;

public sealed class FoldTableTests : IDisposable
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    private readonly FailingFiles _files = new();
    private readonly FoldSink _sink = new();
    private readonly FakeTimeProvider _time = new(Noon);
    private readonly RecordedLog<GatewayEvents> _log = new();
    private readonly GatewayEvents _events;

    public FoldTableTests() => _events = new GatewayEvents(new GatewayMetrics(new MetricsOptions()), _log);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _files.Dispose();

    [Fact]
    public void Folds_are_the_sums_of_their_rows_by_the_rollups_key()
    {
        var table = Open();
        var random = new Random(1);
        var byHand = new Dictionary<(DateTimeOffset, string, string), long[]>();
        for (var i = 0; i < 5000; i++)
        {
            var row = Row(
                team: $"team{random.Next(4)}", model: $"model{random.Next(3)}", at: Noon.AddSeconds(random.Next(7200)), status: random.Next(4) == 0 ? 529 : 200);
            row.ErrorType = random.Next(9) == 0 ? "overloaded_error" : string.Empty;
            row.UsageSource = (UsageSource)random.Next(4);
            row.Tokens = new TokenUsage(Number(), Number(), Number(), Number(), Number(), 0);
            row.Cost = new Cost(Money(), Money(), Money(), Money(), Money(), Money());
            Add(table, row);

            var minute = row.Timestamp.Minute / 15 * 15;
            var slot = new DateTimeOffset(row.Timestamp.Year, row.Timestamp.Month, row.Timestamp.Day, row.Timestamp.Hour, minute, 0, TimeSpan.Zero);
            var sums = byHand.TryGetValue((slot, row.Team, row.Model), out var known) ? known : byHand[(slot, row.Team, row.Model)] = new long[FoldSums.Count];
            var (t, c) = (row.Tokens, row.Cost);
            var total = c.Input.Value + c.Output.Value + c.CacheRead.Value + c.CacheWrite.Value + c.Other.Value;
            long[] values =
            [
                1, row.HttpStatus >= 400 || row.ErrorType.Length > 0 ? 1 : 0, t.Input, t.Output, t.CacheRead, t.CacheWrite5m, t.CacheWrite1h,
                c.Input.Value, c.Output.Value, c.CacheRead.Value, c.CacheWrite.Value, c.Other.Value, total, c.Uncached.Value,
                row.UsageSource == UsageSource.Final ? 0 : total,
            ];
            for (var value = 0; value < values.Length; value++)
            {
                sums[value] += values[value];
            }
        }

        var folds = table.Freeze().ToDictionary(static fold => (fold.Key.Slot, fold.Key.Team, fold.Key.Model));
        Assert.Equal(byHand.Keys.Order(), folds.Keys.Order());
        Assert.All(byHand, sums => Assert.Equal(sums.Value, FoldSums.Values(folds[sums.Key].Sums).ToArray()));
        Assert.All(folds.Values, static fold => Assert.Equal(("acme", "p", "dev", "key", "anthropic"), (fold.Key.Customer, fold.Key.Project, fold.Key.Developer, fold.Key.KeyId, fold.Key.Provider)));

        long Number() => random.NextInt64(uint.MaxValue);
        Nanodollars Money() => new(random.NextInt64(-1_000_000, 1_000_000_000));
    }

    [Fact]
    public void An_absurd_row_adds_what_its_columns_would_have_held()
    {
        var row = Row();
        row.Tokens = new TokenUsage(-5, long.MaxValue, 1, 2, 3, 4);
        row.Cost = new Cost(new(long.MaxValue), new(long.MaxValue), new(1), new(1), new(1), new(long.MinValue));
        var sums = FoldSums.Of(row);
        Assert.Equal((0L, (long)uint.MaxValue), (sums.InputTokens, sums.CacheReadTokens));
        Assert.Equal((FoldSums.MostNanodollars, FoldSums.MostNanodollars, -FoldSums.MostNanodollars), (sums.CostInput, sums.Cost, sums.CostUncached));
    }

    [Fact]
    public void A_sum_at_its_limit_goes_on_in_a_further_fold()
    {
        var table = Open();
        for (var i = 0; i < 3; i++)
        {
            var row = Row();
            row.Cost = new Cost(new(FoldSums.MostNanodollars), default, default, default, default, default);
            Add(table, row);
        }

        var folds = table.Freeze();
        Assert.Equal(3, folds.Count);
        Assert.All(folds, static fold => Assert.Equal((FoldSums.MostNanodollars, 1), (fold.Sums.Cost, fold.Sums.Requests)));
        Assert.Single(folds.Select(static fold => fold.Key).Distinct());
    }

    [Fact]
    public void What_is_found_after_a_kill_is_what_was_added()
    {
        var table = Open();
        for (var i = 0; i < 50; i++)
        {
            Add(table, Row(team: $"größe {i % 7}", nanodollars: i), (UInt128)i);
        }

        var again = Open(_files.Copy());
        Assert.Equal(50, again.PendingAttempts);
        Assert.Equal(Enumerable.Range(43, 7).Select(static i => (UInt128)i), again.LastAttempts.Order());
        Add(again, Row(team: "größe 3", nanodollars: 1000));
        var folds = again.Freeze();
        Assert.Equal(7, folds.Count);
        Assert.Equal(51, folds.Sum(static fold => fold.Sums.Requests));
        Assert.Equal((50 * 49 / 2) + 1000, folds.Sum(static fold => fold.Sums.Cost));
        Assert.Equal(table.Freeze().Select(static fold => fold.Id), folds.Select(static fold => fold.Id));
    }

    [Fact]
    public void An_update_torn_at_any_byte_leaves_the_state_before_or_after()
    {
        var table = Open();
        Add(table, Row(nanodollars: 1));
        Add(table, Row(nanodollars: 10));
        var before = _files.Copy();
        Add(table, Row(nanodollars: 100));
        AssertTornIsOneOf(before, 11, 111);
    }

    [Fact]
    public void A_first_fold_torn_at_any_byte_is_there_whole_or_not_at_all()
    {
        var table = Open();
        Add(table, Row(team: "old", nanodollars: 5));
        table.Freeze();
        table.Delivered();
        table.Clear();
        var again = Open(); // Both files are free now, and one has the remains of an older generation.
        var before = _files.Copy();
        Add(again, Row(nanodollars: 100));
        AssertTornIsOneOf(before, 0, 100);
        Add(again, Row(team: "other", nanodollars: 1));
        Assert.Equal(101, Open(_files.Copy()).Freeze().Sum(static fold => fold.Sums.Cost));
    }

    [Fact]
    public void A_header_torn_at_any_byte_loses_no_fold()
    {
        var table = Open();
        Add(table, Row(nanodollars: 7));
        var before = _files.Copy();
        table.Freeze();
        AssertTornIsOneOf(before, 7, 7);
        before = _files.Copy();
        table.Delivered();
        table.Clear();
        AssertTornIsOneOf(before, 7, 0);
    }

    [Fact]
    public void A_file_without_a_readable_header_still_gives_its_folds()
    {
        Add(Open(), Row(nanodollars: 7));
        var file = _files[Changed(new FailingFiles())];
        file.AsSpan(0, 16).Fill(0xFF);
        file.AsSpan(4096, 16).Fill(0xFF);
        Assert.Equal(7, Open(_files).Freeze().Single().Sums.Cost);
    }

    [Fact]
    public void A_power_cut_that_undoes_the_freeze_leaves_both_files_open_and_nothing_is_lost_or_sent_twice()
    {
        var table = Open();
        Add(table, Row(nanodollars: 1));
        var unfrozen = _files.Copy();
        var frozen = Changed(new FailingFiles());
        table.Freeze();
        Add(table, Row(nanodollars: 10));
        var cut = _files.Copy();
        unfrozen[frozen].CopyTo(cut[frozen], 0);

        var again = Open(cut);
        Add(again, Row(nanodollars: 100));
        Drain(again);
        Assert.Equal((3L, 111L), (_sink.Total.Requests, _sink.Total.Cost));
    }

    [Fact]
    public async Task Folds_are_sent_as_they_are_until_the_store_says_it_has_them()
    {
        var table = Open();
        var delivery = new FoldDelivery(table, _sink, new RecordingOptions(), _time, _events);
        _sink.Answer = static write =>
        {
            if (write < 4)
            {
                throw new UsageSinkException("no answer", SinkFault.Ambiguous);
            }
        };
        for (var round = 1; round <= 6; round++)
        {
            Add(table, Row(nanodollars: round));
            await delivery.FlushAsync(static () => Task.CompletedTask, Cancellation);
            Assert.Equal(round < 4 ? "no answer" : null, delivery.Problem);
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        // Rounds 1 to 4 sent the fold of round 1 alone, round 5 what came meanwhile, round 6 the last.
        Assert.Equal([1, 6, 2 + 3 + 4 + 5], _sink.Stored.Values.Select(static fold => fold.Sums.Cost).Order());
        Assert.Equal(0, table.PendingAttempts);
    }

    [Fact]
    public async Task After_a_failure_the_store_is_left_alone_for_a_while()
    {
        var table = Open();
        var delivery = new FoldDelivery(table, _sink, new RecordingOptions(), _time, _events);
        _sink.Answer = static _ => throw new UsageSinkException("no answer", SinkFault.Ambiguous);
        Add(table, Row());
        for (var round = 0; round < 10; round++)
        {
            await delivery.FlushAsync(static () => Task.CompletedTask, Cancellation);
        }

        Assert.Equal(1, _sink.Writes);
        Assert.Contains(_log.Lines, static line => line.Id == 7113);
    }

    [Theory]
    [InlineData("sync")]
    [InlineData("create")]
    [InlineData("sync directory")]
    [InlineData("map")]
    [InlineData("open")]
    [InlineData("read")]
    [InlineData("delete")]
    public async Task Whatever_call_of_the_disk_fails_at_any_moment_every_fold_counts_once(string operation)
    {
        // Once for each call there is: the n-th fails, and the process is killed or lives on.
        for (var failing = 1; failing <= 12; failing++)
        {
            foreach (var isKilled in (bool[])[false, true])
            {
                var (files, sink, calls) = (new FailingFiles(), new FoldSink(), 0);
                files.Before = (call, name) =>
                {
                    if (call == operation && ++calls == failing)
                    {
                        throw FailingFiles.Failure(call, name);
                    }
                };
                var table = Open(files);
                var added = 0;
                for (var round = 0; round < 6; round++)
                {
                    Add(table, Row(team: $"{round % 2}", nanodollars: 1 << round));
                    added += 1 << round;
                    table.Commit();
                    await new FoldDelivery(table, sink, new RecordingOptions(), _time, _events).FlushAsync(static () => Task.CompletedTask, Cancellation);
                    if (isKilled && table.Problem is null)
                    {
                        files = files.Copy();
                        files.Before = (call, name) =>
                        {
                            if (call == operation && ++calls == failing)
                            {
                                throw FailingFiles.Failure(call, name);
                            }
                        };
                        table = Open(files);
                    }
                }

                files.Before = static (_, _) => { };
                table.Commit();
                Drain(table, sink);
                var after = Open(files.Copy());
                Drain(after, sink);
                Assert.Equal((6L, (long)added), (sink.Total.Requests, sink.Total.Cost));
                Assert.Equal(0, table.PendingAttempts);
            }
        }
    }

    [Fact]
    public void Without_a_file_folds_are_kept_in_memory_until_there_is_one()
    {
        _files.Room = FoldFile.Bytes - 1;
        var table = Open();
        Assert.NotNull(table.Problem);
        Assert.Single(_log.Lines, static line => line.Id == 7209);
        Add(table, Row(nanodollars: 1));
        table.Commit();
        Assert.Empty(_files.List());

        _files.Room = long.MaxValue;
        table.Commit();
        Assert.Null(table.Problem);
        Add(table, Row(nanodollars: 10));
        Assert.Equal(11, Open(_files.Copy()).Freeze().Single().Sums.Cost);
    }

    [Fact]
    public void With_one_file_alone_the_other_half_is_in_memory()
    {
        _files.Room = FoldFile.Bytes;
        var table = Open();
        Add(table, Row(nanodollars: 1));
        table.Freeze();
        Add(table, Row(nanodollars: 10));
        Drain(table);
        Assert.Equal((2L, 11L), (_sink.Total.Requests, _sink.Total.Cost));
    }

    [Fact]
    public void A_full_table_keeps_every_nano_dollar_by_the_slot_and_at_the_very_last_in_any_slot()
    {
        var table = Open();
        const int Keys = FoldFile.MostEntries + 500;
        const int Slots = FoldSide.CatchAllEntries + 50;
        for (var i = 0; i < Keys; i++)
        {
            Add(table, Row(team: $"team{i}", nanodollars: i));
        }

        for (var slot = 0; slot < Slots; slot++)
        {
            Add(table, Row(team: "late", nanodollars: 1_000_000, at: Noon.AddMinutes(15 * slot)));
        }

        var folds = Open(_files.Copy()).Freeze();
        Assert.Equal(FoldFile.MostEntries, folds.Count);
        Assert.Equal(Keys + Slots, folds.Sum(static fold => fold.Sums.Requests));
        Assert.Equal(((long)Keys * (Keys - 1) / 2) + (Slots * 1_000_000L), folds.Sum(static fold => fold.Sums.Cost));
        Assert.Equal(FoldSide.CatchAllEntries, folds.Count(static fold => fold.Key == FoldKey.CatchAll(fold.Key.Slot)));
    }

    [Fact]
    public void Keys_longer_than_fit_are_cut_at_whole_characters_and_short_ones_are_not()
    {
        var table = Open();
        var row = Row(team: new string('ß', 128));
        row.Project = new string('漢', 128);
        row.Developer = string.Concat(Enumerable.Repeat("🧮", 64));
        row.Customer = "acme";
        Add(table, row);
        Add(table, row);
        var key = Open(_files.Copy()).Freeze().Single().Key;
        Assert.Equal(("acme", "key", "anthropic", "claude-opus-4-8"), (key.Customer, key.KeyId, key.Provider, key.Model));
        Assert.StartsWith(key.Team, row.Team, StringComparison.Ordinal);
        Assert.StartsWith(key.Project, row.Project, StringComparison.Ordinal);
        Assert.StartsWith(key.Developer, row.Developer, StringComparison.Ordinal);
        Assert.True(key.Team.Length > 60 && key.Project.Length > 40 && key.Developer.Length > 60, $"{key}");
    }

    [Fact]
    public async Task Several_threads_add_while_folds_are_committed_and_sent_and_none_is_lost()
    {
        const int Each = 5_000;
        var table = Open();
        var delivery = new FoldDelivery(table, _sink, new RecordingOptions(), _time, _events);
        var adding = Task.WhenAll(Enumerable.Range(0, 2).Select(thread => Task.Run(
            () =>
            {
                for (var i = 0; i < Each; i++)
                {
                    Add(table, Row(team: $"{i % 5}", nanodollars: 1 + thread));
                }
            },
            Cancellation)));
        while (!adding.IsCompleted)
        {
            table.Commit();
            await delivery.FlushAsync(static () => Task.CompletedTask, Cancellation);
        }

        await adding;
        Drain(table);
        Assert.Equal((2L * Each, 3L * Each), (_sink.Total.Requests, _sink.Total.Cost));
        Assert.Equal(0, table.PendingAttempts);
    }

    private static UsageRow Row(string team = "search", string model = "claude-opus-4-8", long nanodollars = 0, DateTimeOffset? at = null, int status = 200)
    {
        return new UsageRow
        {
            Timestamp = at ?? Noon,
            Customer = "acme",
            Team = team,
            Project = "p",
            Developer = "dev",
            KeyId = "key",
            Provider = "anthropic",
            Model = model,
            HttpStatus = status,
            UsageSource = UsageSource.Final,
            Cost = new Cost(new(nanodollars), default, default, default, default, default),
        };
    }

    private static void Add(FoldTable table, UsageRow row, UInt128 attempt = default) => table.Add(row, attempt, static () => { });

    private FoldTable Open(FailingFiles? files = null) => FoldTable.Open(files ?? _files, _events);

    private void Drain(FoldTable table, FoldSink? sink = null)
    {
        // Twice: what is frozen, then what came meanwhile.
        for (var side = 0; side < 2; side++)
        {
            var folds = table.Freeze();
            if (folds.Count > 0)
            {
                Assert.True((sink ?? _sink).WriteFoldsAsync(folds, Cancellation).IsCompletedSuccessfully);
                table.Delivered();
            }

            table.Clear();
        }
    }

    /// <summary>The file that differs between the present and an earlier state.</summary>
    private string Changed(FailingFiles before) =>
        _files.List().First(name => !before.List().Contains(name) ? _files[name].AsSpan(FoldFile.FirstEntry).ContainsAnyExcept((byte)0) : !before[name].AsSpan().SequenceEqual(_files[name]));

    /// <summary>Whichever part of the changed bytes is there, what is found is one of two sums.</summary>
    private void AssertTornIsOneOf(FailingFiles before, long old, long updated)
    {
        var name = Changed(before);
        var (from, to) = (before[name], _files[name].ToArray());
        var first = from.AsSpan().CommonPrefixLength(to);
        var last = to.Length - 1;
        while (from[last] == to[last])
        {
            last--;
        }

        for (var cut = first; cut <= last + 1; cut++)
        {
            foreach (var isForward in (bool[])[true, false])
            {
                var torn = before.Copy();
                var (kept, written) = isForward ? (from, to) : (to, from);
                written.AsSpan(0, cut).CopyTo(torn[name]);
                kept.AsSpan(cut).CopyTo(torn[name].AsSpan(cut));
                var sum = Open(torn).Freeze().Sum(static fold => fold.Sums.Cost);
                Assert.True(sum == old || sum == updated, $"Torn at {cut - first} of {last - first + 1}: {sum}");
            }
        }
    }
}
