namespace Tollgate.Proxy.Scanning;

/// <summary>The events of a stream that metering reads, by the name in their <c>event:</c> field.</summary>
internal enum EventKind : byte
{
    /// <summary>No name was given; the <c>type</c> inside the data decides.</summary>
    Unnamed,

    /// <summary>Nothing metering reads: <c>ping</c>, <c>content_block_stop</c>, and whatever comes later.</summary>
    Other,

    /// <summary><c>message_start</c>: id, model, input figures.</summary>
    MessageStart,

    /// <summary><c>message_delta</c>: stop reason and cumulative figures.</summary>
    MessageDelta,

    /// <summary><c>message_stop</c>: the stream is whole.</summary>
    MessageStop,

    /// <summary><c>content_block_start</c>; a block of type <c>fallback</c> names the model that goes on.</summary>
    ContentBlockStart,

    /// <summary><c>content_block_delta</c>: the answer itself; only measured.</summary>
    ContentBlockDelta,

    /// <summary><c>error</c>: the upstream failed under status 200.</summary>
    Error,
}

/// <summary>Names of events on the wire.</summary>
internal static class EventNames
{
    /// <summary>The kind that <paramref name="name"/> names; <see cref="EventKind.Unnamed"/> for no bytes.</summary>
    public static EventKind Find(ReadOnlySpan<byte> name) => name.Length switch
    {
        0 => EventKind.Unnamed,
        5 when name.SequenceEqual("error"u8) => EventKind.Error,
        12 when name.SequenceEqual("message_stop"u8) => EventKind.MessageStop,
        13 when name.SequenceEqual("message_start"u8) => EventKind.MessageStart,
        13 when name.SequenceEqual("message_delta"u8) => EventKind.MessageDelta,
        19 when name.SequenceEqual("content_block_delta"u8) => EventKind.ContentBlockDelta,
        19 when name.SequenceEqual("content_block_start"u8) => EventKind.ContentBlockStart,
        _ => EventKind.Other,
    };
}
