using System.Buffers;
using Tollgate.ClickHouse;
using Tollgate.Demo.History;
using Tollgate.Demo.Team;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Recording;

namespace Tollgate.Demo.Tests;

/// <summary>The history is the same each time, and has what the demo promises to show.</summary>
public sealed class DemoHistoryTests
{
    private static IReadOnlyList<UsageRow> Rows => SampleHistory.Month.Rows;

    [Fact]
    public void The_same_seed_makes_the_same_bytes() => Assert.Equal(Encoded(SampleHistory.Make()), Encoded(SampleHistory.Make()));

    [Fact]
    public void Another_seed_makes_another_history() => Assert.NotEqual(Encoded(SampleHistory.Make(seed: 2, days: 2)), Encoded(SampleHistory.Make(seed: 3, days: 2)));

    [Fact]
    public void A_shorter_history_is_the_end_of_a_longer_one()
    {
        var few = SampleHistory.Make(days: 3);
        Assert.Equal(
            Rows.Where(row => row.Timestamp >= few.Start).Select(static row => (row.Timestamp, row.SessionId, row.Cost)),
            few.Rows.Select(static row => (row.Timestamp, row.SessionId, row.Cost)));
    }

    [Fact]
    public void A_month_is_tens_of_thousands_of_attempts_of_everybody()
    {
        Assert.InRange(Rows.Count, 20_000, 50_000);
        Assert.Equal(12, Rows.Select(static row => row.Developer).Distinct().Count());
        Assert.Equal(4, Rows.Select(static row => row.Team).Distinct().Count());
        Assert.Equal(6, Rows.Select(static row => row.Project).Distinct().Count());
        Assert.Equal(30, Rows.Select(static row => DateOnly.FromDateTime(row.Timestamp.UtcDateTime)).Distinct().Count());
        Assert.Equal(Rows.Count, Rows.Select(static row => row.AttemptId).Distinct().Count());
        Assert.All(Rows, static row => Assert.InRange(row.Timestamp, SampleHistory.Month.Start, SampleHistory.End));
    }

    [Fact]
    public void Weekends_are_quiet()
    {
        var byDay = Rows.Where(static row => row.Developer != DemoTeam.Runaway).CountBy(static row => row.Timestamp.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday).ToDictionary();
        Assert.True(byDay[true] * 10 < byDay[false]);
    }

    [Fact]
    public void Each_way_of_ending_occurs()
    {
        Assert.Equal(
            [ForwardOutcome.Completed, ForwardOutcome.UpstreamError, ForwardOutcome.ErrorEvent, ForwardOutcome.UpstreamTruncated, ForwardOutcome.ClientAborted, ForwardOutcome.Refused],
            Rows.Select(static row => row.Outcome).Distinct().Order());
        Assert.Equal([200, 429, 500, 529], Rows.Select(static row => row.HttpStatus).Distinct().Order());
        Assert.Equal([UsageSource.None, UsageSource.Final, UsageSource.Partial], Rows.Select(static row => row.UsageSource).Distinct().Order());
    }

    [Fact]
    public void What_the_provider_refused_is_tried_again_in_the_same_session()
    {
        var failed = Rows.Where(static row => row.HttpStatus is 529 or 500 && row.PromptId.Length > 0).ToList();
        Assert.NotEmpty(failed);
        var bySession = Rows.ToLookup(static row => row.SessionId);
        var retried = failed.Count(row => bySession[row.SessionId].Any(later =>
            later.Timestamp > row.Timestamp && later.Timestamp < row.Timestamp.AddSeconds(30) && later.AgentId == row.AgentId && later.RequestBytes == row.RequestBytes));

        // All but those after which Claude Code gave up.
        Assert.InRange(retried, failed.Count * 9 / 10, failed.Count);
    }

    [Fact]
    public void Sub_agents_run_beside_their_session_and_some_have_agents_of_their_own()
    {
        var agents = Rows.Where(static row => row.AgentId.Length > 0).ToList();
        Assert.All(agents, static row => Assert.Equal("subagent", row.RequestClass));
        Assert.Contains(agents, static row => row.AgentKind == "Explore" && row.Model == DemoTeam.SideModel);
        Assert.Contains(agents, static row => row.ParentAgentId.Length > 0);
        Assert.Contains(agents.GroupBy(static row => row.SessionId), static session => session.Zip(session.Skip(1)).Any(static pair => pair.First.AgentId != pair.Second.AgentId
            && pair.Second.Timestamp < pair.First.Timestamp.AddMicroseconds(pair.First.LatencyMicroseconds)));
    }

    [Fact]
    public void A_compaction_reads_a_long_prompt_and_leaves_a_short_one()
    {
        var sessions = Rows.Where(static row => row.RequestClass is "main" or "compaction" && row.Outcome == ForwardOutcome.Completed).GroupBy(static row => row.SessionId);
        var compactions = sessions.SelectMany(static session => session.Zip(session.Skip(1))).Where(static pair => pair.First.RequestClass == "compaction").ToList();
        Assert.InRange(compactions.Count, 50, 1_000);
        Assert.All(compactions, static pair => Assert.True(pair.Second.Tokens.Prompt < pair.First.Tokens.Prompt / 2));
    }

    [Fact]
    public void Caches_are_mostly_read_and_at_times_broken()
    {
        var main = Rows.Where(static row => row.RequestClass == "main" && row.UsageSource == UsageSource.Final && row.Developer != DemoTeam.Runaway).ToList();
        var read = main.Sum(static row => row.Tokens.CacheRead);
        Assert.InRange((double)read / main.Sum(static row => row.Tokens.Prompt), 0.85, 0.99);
        Assert.Contains(main, static row => row.Tokens.CacheRead == 0 && row.Tokens.CacheWrite5m > 60_000);
        Assert.Contains(main, static row => row.Tokens.CacheWrite1h > 0);
    }

    [Fact]
    public void One_session_runs_away_on_the_last_day_and_costs_more_than_any_other_day_of_its_developer()
    {
        var session = Assert.Single(SampleHistory.Month.Sessions, static session => session.IsRunaway);
        var rows = Rows.Where(row => row.SessionId == session.Id.ToString()).ToList();
        var cost = rows.Sum(static row => row.Cost.Total.ToDollars());
        var others = Rows.Where(row => row.Developer == DemoTeam.Runaway && row.SessionId != session.Id.ToString())
            .GroupBy(static row => row.Timestamp.Date).Max(static day => day.Sum(static row => row.Cost.Total.ToDollars()));
        Assert.True(cost > 5 * others, $"{cost} against {others}");
        Assert.All(rows, static row => Assert.True(row.Timestamp > SampleHistory.End.AddHours(-4)));
        Assert.Equal(14, rows.Count(static row => row.Outcome == ForwardOutcome.Refused));
    }

    [Fact]
    public void A_model_without_a_price_has_tokens_and_no_cost()
    {
        var rows = Rows.Where(static row => row.Model == DemoTeam.UnpricedModel && row.Outcome == ForwardOutcome.Completed).ToList();
        Assert.NotEmpty(rows);
        Assert.All(rows, static row => Assert.Equal((false, 0L, true), (row.Priced, row.Cost.Total.Value, row.Tokens.Input > 0)));
        Assert.All(Rows.Where(static row => row.Model != DemoTeam.UnpricedModel), static row => Assert.True(row.Priced));
    }

    [Fact]
    public void One_budget_is_above_eighty_percent_and_one_is_spent()
    {
        var budgets = DemoBudgets.Of(SampleHistory.Month);
        decimal Used(string id) => budgets.Where(budget => budget.Id == id).Select(budget => (decimal)Rows
            .Where(row => row.Timestamp > SampleHistory.End - budget.Window && (row.Team == budget.Value || row.Project == budget.Value || budget.Value.Length == 0))
            .Sum(static row => row.Cost.Total.Value) / budget.Limit.Value).Single();
        Assert.InRange(Used("payments"), 0.80m, 0.84m);
        Assert.InRange(Used("design-system"), 1.0m, 1.2m);
        Assert.InRange(Used("everything"), 0.4m, 0.6m);
        var kinds = BudgetEvents.Of(SampleHistory.Month, budgets).CountBy(static happened => (happened.Budget.Id, happened.Kind)).ToDictionary();
        Assert.Equal(14, kinds[("per-session", "blocked")]);
        Assert.True(kinds[("payments", "soft")] > 0 && kinds[("design-system", "hard")] > 0 && kinds[("per-developer", "hard")] > 0);
    }

    private static byte[] Encoded(DemoHistory history)
    {
        var bytes = new ArrayBufferWriter<byte>();
        var format = new RowBinaryFormat();
        foreach (var row in history.Rows)
        {
            format.Write(bytes, row);
        }

        return bytes.WrittenSpan.ToArray();
    }
}
