using Tollgate.Testing.Soak;

namespace Tollgate.EndToEnd;

/// <summary>The oracle of the soaks finds each kind of wrong ledger, and passes a right one.</summary>
public sealed class LedgerOracleSelfChecks
{
    // Four replies: two whole answers, an error, and one whose client got nothing.
    private static readonly CallKind[] Served = [CallKind.Brief, CallKind.Whole, CallKind.Overloaded, CallKind.Slow];
    private static readonly Answered[] Answers = [.. Enumerable.Range(1, 3).Select(static number => new Answered(Guid.NewGuid(), number, Served[number - 1]))];

    private static readonly SoakRow Open = new(Guid.NewGuid(), Guid.NewGuid(), string.Empty, "crashed", "estimated", 7, 0, 0, 0, 0, 35_000);

    private static SoakRow[] Right => [.. Answers.Select(RowOf), Open];

    [Fact]
    public void A_right_ledger_is_exact_and_its_crashed_row_accounts_for_the_reply_nobody_got()
    {
        var verdict = Judge(Right);

        Assert.True(verdict.IsExact, string.Join('\n', verdict.Offences));
        Assert.Equal((3, 4, 1, 1), (verdict.Answered, verdict.Rows, verdict.Crashed, verdict.InFlight));
        Assert.Equal(verdict.Tokens.Served, verdict.Tokens.Recorded);
        Assert.Equal(verdict.Cost.Served, verdict.Cost.Recorded);
    }

    [Fact]
    public void A_lost_row_is_missing() => Assert.Equal(1, Judge(Right[1..]).Missing);

    [Fact]
    public void A_reply_without_any_row_is_unaccounted_for() => Assert.Equal(1, Judge(Right[..3]).Unaccounted);

    [Fact]
    public void A_row_written_twice_is_a_duplicate() => Assert.Equal(1, Judge([.. Right, Right[0]]).Duplicates);

    [Fact]
    public void A_second_attempt_with_the_same_reply_is_a_duplicate() =>
        Assert.Equal(1, Judge([.. Right, Right[0] with { AttemptId = Guid.NewGuid(), RequestId = Guid.NewGuid() }]).Duplicates);

    [Fact]
    public void A_crashed_row_beside_the_final_one_is_a_duplicate() =>
        Assert.Equal(1, Judge([.. Right, Right[1] with { UpstreamRequestId = string.Empty, Outcome = "crashed", UsageSource = "estimated" }]).Duplicates);

    [Fact]
    public void One_token_too_many_is_drift() => Assert.Equal(1, Judge([Right[0] with { Output = Right[0].Output + 1 }, .. Right[1..]]).TokenDrift);

    [Fact]
    public void One_nano_dollar_too_few_is_drift() => Assert.Equal(1, Judge([Right[0] with { Cost = Right[0].Cost - 1 }, .. Right[1..]]).CostDrift);

    [Fact]
    public void An_answer_recorded_as_crashed_is_misfiled() => Assert.Equal(1, Judge([Right[0] with { Outcome = "crashed" }, .. Right[1..]]).Misfiled);

    [Fact]
    public void A_row_of_a_reply_that_was_never_served_is_misfiled() =>
        Assert.Equal(1, Judge([.. Right, Open with { AttemptId = Guid.NewGuid(), UpstreamRequestId = NumberedReply.IdOf(5) }]).Misfiled);

    [Fact]
    public void A_completed_row_of_no_reply_is_misfiled() => Assert.Equal(1, Judge([.. Right[..3], Open with { Outcome = "completed" }]).Misfiled);

    [Fact]
    public void A_final_row_that_its_client_never_got_must_still_have_its_replys_figures()
    {
        var late = RowOf(new Answered(Guid.NewGuid(), 4, CallKind.Slow));

        Assert.True(Judge([.. Right[..3], late]).IsExact);
        Assert.Equal(2, Judge([.. Right[..3], late with { Input = late.Input + 2 }]).TokenDrift);
    }

    private static SoakRow RowOf(Answered answer)
    {
        var figures = NumberedReply.FiguresOf(answer.Number, answer.Kind);
        var isError = answer.Kind == CallKind.Overloaded;
        return new SoakRow(
            answer.RequestId, Guid.NewGuid(), NumberedReply.IdOf(answer.Number), isError ? "upstream_error" : "completed", isError ? "none" : "final",
            figures.Input, figures.CacheWrite5m, figures.CacheWrite1h, figures.CacheRead, figures.Output, (long)(UpstreamPrice.OfOpus48(figures) * 1_000_000_000m));
    }

    private static LedgerVerdict Judge(IEnumerable<SoakRow> rows)
    {
        var oracle = new LedgerOracle(Answers, Served);
        foreach (var row in rows)
        {
            oracle.See(row);
        }

        return oracle.Judge();
    }
}
