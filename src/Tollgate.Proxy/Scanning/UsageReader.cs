using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Scanning;

/// <summary>Turns events and whole answers into a <see cref="UsageReport"/>.</summary>
/// <remarks>
/// Errors: an event that is not JSON leaves the report's figures alone and marks it invalid, if its name says that it matters.
/// Source: Anthropic's Messages API; figures of a <c>message_delta</c> are cumulative and leave out what does not apply.
/// </remarks>
internal sealed class UsageReader
{
    private readonly JsonFacts _facts = new();

    /// <summary>What was learned so far.</summary>
    public UsageReport Report { get; } = new();

    /// <summary>When the bytes being read came, as <see cref="TimeProvider.GetTimestamp"/>.</summary>
    public long Now { get; set; }

    /// <summary>The document being collected by a whole answer's reader.</summary>
    public JsonFacts Facts => _facts;

    /// <summary>Reads one event.</summary>
    /// <param name="kind">What its name says.</param>
    /// <param name="data">Its data, joined; valid during the call only.</param>
    public void ReadEvent(EventKind kind, ReadOnlySpan<byte> data)
    {
        if (kind is EventKind.ContentBlockDelta or EventKind.Unnamed && ContentDelta.TryMeasure(data, out var bytes))
        {
            NoteName(EventKind.ContentBlockDelta);
            Report.DeltaBytes += bytes;
            return;
        }

        NoteName(kind);
        if (kind == EventKind.MessageStop)
        {
            return;
        }

        if (!_facts.TryRead(data))
        {
            // Without a name nothing says that it matters; compatible servers end their streams with `data: [DONE]`.
            Report.UsageInvalid |= kind != EventKind.Unnamed;
            return;
        }

        if (kind == EventKind.Unnamed)
        {
            kind = _facts.Type;
            NoteName(kind);
        }

        Merge(kind);
    }

    /// <summary>Notes an event that was too large to read.</summary>
    public void PassOver(EventKind kind)
    {
        NoteName(kind);
        Report.EventOversize = true;
    }

    /// <summary>Merges the whole answer collected in <see cref="Facts"/>.</summary>
    /// <param name="isComplete">Its last brace was read.</param>
    public void MergeWhole(bool isComplete)
    {
        if (_facts.HasError)
        {
            Report.ErrorSeen = true;
            Report.ErrorType = _facts.ErrorType ?? Report.ErrorType;
            return;
        }

        _facts.DropOpenUsage();
        var before = Report.Tokens.Output;
        _facts.Document.MergeInto(Report);
        Report.MessageStarted = !_facts.Document.Id.IsEmpty || Report.ServedModel is not null || Report.Tokens.Output != before;
        Report.FinalUsageSeen = Report.Tokens.Output != ReportedTokens.NotReported;
        Report.MessageStopped = Report.MessageStarted && isComplete;
    }

    /// <summary>Takes only the kind of error from the whole answer collected in <see cref="Facts"/>.</summary>
    public void MergeError() => Report.ErrorType = _facts.ErrorType;

    /// <summary>Makes the reader as new.</summary>
    public void Reset()
    {
        Now = 0;
        Report.Reset();
        _facts.Reset();
    }

    // What the name alone says, also of an event whose data can't be read.
    private void NoteName(EventKind kind)
    {
        switch (kind)
        {
            case EventKind.MessageStop:
                Report.MessageStopped = true;
                break;
            case EventKind.Error:
                Report.ErrorSeen = true;
                break;
            case EventKind.ContentBlockStart:
                Report.ContentSeen = true;
                break;
            case EventKind.ContentBlockDelta:
                Report.ContentSeen = true;
                Report.FirstContentAt = Report.FirstContentAt == 0 ? Now : Report.FirstContentAt;
                break;
        }
    }

    private void Merge(EventKind kind)
    {
        switch (kind)
        {
            case EventKind.MessageStart:
                Report.MessageStarted = true;
                _facts.Message.MergeInto(Report);
                break;
            case EventKind.MessageDelta:
                Report.StopReason = _facts.DeltaStopReason ?? Report.StopReason;
                _facts.Document.Usage.MergeInto(Report);
                Report.FinalUsageSeen |= _facts.Document.Usage.Tokens.Output != ReportedTokens.NotReported;
                break;
            case EventKind.ContentBlockStart when _facts.BlockType == "fallback":
                Report.ServedModel = _facts.FallbackModel ?? Report.ServedModel;
                break;
            case EventKind.ContentBlockDelta:
                Report.DeltaBytes += _facts.DeltaType switch
                {
                    "text_delta" => _facts.DeltaText,
                    "thinking_delta" => _facts.DeltaThinking,
                    "input_json_delta" => _facts.DeltaToolInput,
                    _ => 0,
                };
                break;
            case EventKind.Error:
                Report.ErrorType = _facts.ErrorType ?? Report.ErrorType;
                break;
        }
    }
}
