namespace Tollgate.Testing.Upstream;

/// <summary>How a planned answer ends on the wire.</summary>
public enum Ending
{
    /// <summary>With everything said and the body's framing complete.</summary>
    Whole,

    /// <summary>Framing complete, but the events after <see cref="Delivery.EndAfterEvents"/> are missing.</summary>
    CleanButShort,

    /// <summary>TCP reset.</summary>
    Reset,

    /// <summary>TCP end without the body's last chunk. Plain HTTP/1.1 only.</summary>
    FinWithoutLastChunk,

    /// <summary>Silence until the caller goes away.</summary>
    Stall,
}

/// <summary>A content encoding of answers.</summary>
public enum BodyEncoding
{
    /// <summary>As it is.</summary>
    Identity,

    /// <summary>gzip.</summary>
    Gzip,

    /// <summary>Brotli.</summary>
    Brotli,

    /// <summary>zlib, as HTTP's <c>deflate</c> means.</summary>
    Deflate,

    /// <summary>Zstandard.</summary>
    Zstd,
}

/// <summary>How the bytes of an answer travel, whatever they say.</summary>
public sealed record Delivery
{
    /// <summary>One flush per event, to the end.</summary>
    public static Delivery Plain { get; } = new();

    /// <summary>How it ends.</summary>
    public Ending Ending { get; init; } = Ending.Whole;

    /// <summary>Events written before the <see cref="Ending"/> takes place; -1 ends before the head. Ignored when whole.</summary>
    public int EndAfterEvents { get; init; } = int.MaxValue;

    /// <summary>Encoding; the encoder is flushed after each event.</summary>
    public BodyEncoding Encoding { get; init; } = BodyEncoding.Identity;

    /// <summary>Cuts the body into writes of this many bytes, one flush each; 0 writes event by event; <see cref="int.MaxValue"/> writes all at once.</summary>
    public int PieceBytes { get; init; }

    /// <summary>Pause between two writes; zero for none. Makes a drip of small <see cref="PieceBytes"/>.</summary>
    public TimeSpan Pause { get; init; } = TimeSpan.Zero;

    /// <summary>Pause before the head.</summary>
    public TimeSpan HeadDelay { get; init; } = TimeSpan.Zero;

    /// <summary>Pause before the <see cref="Ending"/>, for a caller to work through what came before it.</summary>
    public TimeSpan EndDelay { get; init; } = TimeSpan.Zero;

    /// <summary>Bytes between two lines of the stream.</summary>
    public string LineEnd { get; init; } = "\n";

    /// <summary>Pings after <c>message_start</c> and before each delta.</summary>
    public int Pings { get; init; } = 1;

    /// <summary>Characters of each text delta; 0 sends a block's text as one.</summary>
    public int DeltaCharacters { get; init; } = 8;

    /// <summary>Reset after that many events.</summary>
    public static Delivery ResetAfter(int events) => new() { Ending = Ending.Reset, EndAfterEvents = events };

    /// <summary>FIN without the last chunk after that many events.</summary>
    public static Delivery FinAfter(int events) => new() { Ending = Ending.FinWithoutLastChunk, EndAfterEvents = events };

    /// <summary>Silence after that many events; -1 for silence before the head.</summary>
    public static Delivery StallAfter(int events) => new() { Ending = Ending.Stall, EndAfterEvents = events };

    /// <summary>A proper end of the body after that many events, whatever is missing.</summary>
    public static Delivery CleanEndAfter(int events) => new() { Ending = Ending.CleanButShort, EndAfterEvents = events };
}
