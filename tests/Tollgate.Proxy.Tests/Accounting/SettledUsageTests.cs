using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Facts;
using static Tollgate.Proxy.Tests.Accounting.Given;

namespace Tollgate.Proxy.Tests.Accounting;

public class SettledUsageTests
{
    [Theory]
    [InlineData(ForwardOutcome.UpstreamError, 529, Operation.Messages)]
    [InlineData(ForwardOutcome.Completed, 400, Operation.Messages)]
    [InlineData(ForwardOutcome.Refused, 0, Operation.Messages)]
    [InlineData(ForwardOutcome.Unreachable, 0, Operation.Messages)]
    [InlineData(ForwardOutcome.Completed, 200, Operation.CountTokens)]
    [InlineData(ForwardOutcome.Completed, 200, Operation.Models)]
    public void Errors_refusals_and_free_operations_use_nothing(ForwardOutcome outcome, int status, Operation operation) =>
        Assert.Equal(default, SettledUsage.From(Answer("claude-opus-5-5", Reply(1)), outcome, status, operation, 4000, true));

    [Fact]
    public void A_whole_answer_has_final_figures_also_when_they_are_zero()
    {
        Assert.Equal(UsageSource.Final, From(Answer("m", Reply(1)), ForwardOutcome.Completed).Source);
        Assert.Equal(new SettledUsage(default, UsageSource.Final), From(Answer("m", Reported()), ForwardOutcome.Completed));
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(16, 4)]
    [InlineData(17, 5)]
    [InlineData(4000, 1000)]
    public void A_broken_answer_is_charged_for_what_was_relayed_never_for_the_placeholder_alone(long deltaBytes, long output)
    {
        // BerriAI/litellm #39893.
        var report = Answer("m", Reported(input: 10, read: 20, output: 4));
        (report.FinalUsageSeen, report.MessageStopped, report.DeltaBytes) = (false, false, deltaBytes);
        foreach (var outcome in new[] { ForwardOutcome.ClientAborted, ForwardOutcome.UpstreamTruncated, ForwardOutcome.ErrorEvent, ForwardOutcome.Incomplete })
        {
            Assert.Equal(new SettledUsage(new TokenUsage(10, 20, 0, 0, output, 0), UsageSource.Partial), From(report, outcome));
        }
    }

    [Fact]
    public void Final_figures_stay_final_when_the_end_breaks_off_after_them()
    {
        var report = Answer("m", Reply(1));
        (report.MessageStopped, report.DeltaBytes) = (false, 1_000_000);
        Assert.Equal(new SettledUsage(Reply(1).ToUsage(), UsageSource.Final), From(report, ForwardOutcome.UpstreamTruncated));
    }

    [Fact]
    public void Silence_after_a_whole_request_is_charged_by_its_size_and_silence_before_is_not()
    {
        var nothing = new UsageReport();
        var estimated = new SettledUsage(new TokenUsage(1001, 0, 0, 0, 0, 0), UsageSource.Estimated);
        Assert.Equal(estimated, SettledUsage.From(nothing, ForwardOutcome.UpstreamStalled, 0, Operation.Messages, 4001, requestFullySent: true));
        Assert.Equal(default, SettledUsage.From(nothing, ForwardOutcome.ClientAborted, 0, Operation.Messages, 4001, requestFullySent: false));

        nothing.ErrorSeen = true;
        Assert.Equal(default, SettledUsage.From(nothing, ForwardOutcome.ErrorEvent, 200, Operation.Messages, 4001, requestFullySent: true));
    }

    [Fact]
    public void A_message_without_any_figure_of_its_prompt_is_charged_by_its_size()
    {
        var report = Answer("m", new ReportedTokens());
        report.DeltaBytes = 40;
        Assert.Equal(new SettledUsage(new TokenUsage(1000, 0, 0, 0, 10, 0), UsageSource.Estimated), From(report, ForwardOutcome.Completed));
    }

    private static SettledUsage From(UsageReport report, ForwardOutcome outcome) =>
        SettledUsage.From(report, outcome, 200, Operation.Messages, 4000, requestFullySent: true);
}
