using System.Text;
using Tollgate.Demo.Team;
using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Recording;

namespace Tollgate.Demo.History;

/// <summary>Makes the row of an attempt, as the gateway makes it: what was read of the answer is settled and priced by the gateway's own rules.</summary>
internal sealed class RowWriter(Chance chance, string gatewayId, PriceList prices)
{
    private readonly UsageReport _report = new();

    /// <summary>The row; its number is given by the spool.</summary>
    public UsageRow Write(Session session, PlannedCall call)
    {
        var (outcome, status, error) = Ended(call.Ending);
        FillReport(call, error);
        var at = DateTimeOffset.FromUnixTimeMilliseconds((session.Start + call.At).ToUnixTimeMilliseconds());
        var upstreamStatus = outcome == ForwardOutcome.Refused ? 0 : status;
        var settled = SettledUsage.From(_report, outcome, upstreamStatus, call.Operation, call.RequestBytes, requestFullySent: outcome != ForwardOutcome.Refused);
        var costed = Costing.Settle(prices, new PricingRequest(call.Model, at, string.Empty), _report, settled);
        var isAnswered = status is >= 200 and < 300;
        var row = new UsageRow
        {
            Timestamp = at,
            RequestId = chance.Uuid(at),
            AttemptId = chance.Uuid(at),
            GatewayId = gatewayId,
            Customer = DemoTeam.Customer,
            Team = session.Developer.Team,
            Project = session.Project,
            Developer = session.Developer.Name,
            KeyId = session.Developer.KeyId,
            SessionId = session.Id.ToString(),
            AgentId = call.Agent?.Id ?? string.Empty,
            ParentAgentId = call.Agent?.ParentId ?? string.Empty,
            AgentKind = call.Agent?.Kind ?? string.Empty,
            PromptId = call.PromptId,
            RequestClass = call.RequestClass,
            Client = "claude-cli/2.1.330",
            Provider = "anthropic",
            Endpoint = call.Operation,
            ModelRequested = call.Model,
            Model = costed.Model,
            FallbackFrom = costed.FallbackFrom,
            ServiceTier = _report.ServiceTier ?? string.Empty,
            IsStream = call.IsStream && isAnswered,
            IsBatch = costed.IsBatch,
            IsFast = costed.IsFast,
            HttpStatus = status,
            Outcome = outcome,
            ErrorType = error,
            StopReason = _report.StopReason ?? string.Empty,
            UsageSource = settled.Source,
            Tokens = costed.Tokens,
            ServerToolUses = (int)Math.Max(0, call.Tokens.WebSearches),
            Cost = costed.Cost,
            Priced = costed.Priced,
            BandAmbiguous = costed.BandAmbiguous,
            PriceRevision = costed.PriceRevision,
            LatencyMicroseconds = Microseconds(call.Duration),
            FirstByteMicroseconds = Microseconds(isAnswered && call.IsStream ? call.FirstToken * 0.8 : call.Duration),
            TtftMicroseconds = Microseconds(isAnswered && call.IsStream ? call.FirstToken : TimeSpan.Zero),
            MaxGapMicroseconds = isAnswered && call.IsStream ? chance.Around(180_000, 0.8, 20_000_000) : 0,
            OverheadMicroseconds = chance.Around(95, 0.5, 20_000),
            RequestBytes = call.RequestBytes,
            ResponseBytes = isAnswered ? 900 + (34 * Math.Max(0, call.Tokens.Output)) : 160,
        };
        if (outcome != ForwardOutcome.Refused)
        {
            row.UpstreamRequestId = chance.ProviderId("req_");
            if (_report.MessageStarted)
            {
                row.MessageId.Set(Encoding.ASCII.GetBytes(chance.ProviderId("msg_")));
            }
        }

        return row;
    }

    private static (ForwardOutcome Outcome, int Status, string Error) Ended(CallEnding ending) => ending switch
    {
        CallEnding.Completed => (ForwardOutcome.Completed, 200, string.Empty),
        CallEnding.Overloaded => (ForwardOutcome.UpstreamError, 529, "overloaded_error"),
        CallEnding.RateLimited => (ForwardOutcome.UpstreamError, 429, "rate_limit_error"),
        CallEnding.ServerError => (ForwardOutcome.UpstreamError, 500, "api_error"),
        CallEnding.ErrorEvent => (ForwardOutcome.ErrorEvent, 200, "overloaded_error"),
        CallEnding.Truncated => (ForwardOutcome.UpstreamTruncated, 200, string.Empty),
        CallEnding.Aborted => (ForwardOutcome.ClientAborted, 200, string.Empty),
        CallEnding.Refused => (ForwardOutcome.Refused, 429, "billing_error"),
        _ => throw new ArgumentOutOfRangeException(nameof(ending), ending, null),
    };

    private void FillReport(PlannedCall call, string error)
    {
        _report.Reset();
        _report.ErrorType = error.Length > 0 ? error : null;
        if (call.Operation != Operation.Messages || call.Ending is CallEnding.Overloaded or CallEnding.RateLimited or CallEnding.ServerError or CallEnding.Refused)
        {
            return;
        }

        _report.Tokens = call.Tokens;
        _report.ServedModel = call.Model;
        _report.ServiceTier = "standard";
        _report.Speed = call.IsFast ? "fast" : "standard";
        _report.MessageStarted = _report.ContentSeen = true;
        _report.ErrorSeen = call.Ending == CallEnding.ErrorEvent;
        if (call.Ending == CallEnding.Completed)
        {
            _report.StopReason = call.StopReason;
            _report.FinalUsageSeen = _report.MessageStopped = true;
        }
        else
        {
            // Only the placeholder of message_start was read; the output is what was relayed.
            _report.DeltaBytes = 4 * call.Tokens.Output;
            _report.Tokens.Output = 3;
            _report.Tokens.Thinking = ReportedTokens.NotReported;
            _report.Tokens.WebSearches = ReportedTokens.NotReported;
        }
    }

    private static long Microseconds(TimeSpan time) => (long)time.TotalMicroseconds;
}
