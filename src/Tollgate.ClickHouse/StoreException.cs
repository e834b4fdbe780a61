using System.Security.Authentication;
using ClickHouse.Driver;

namespace Tollgate.ClickHouse;

/// <summary>Whose fault it is that the store did not do as asked, which decides what helps.</summary>
public enum StoreFault
{
    /// <summary>No answer: refused, reset, timed out. Whether the statement ran is not known.</summary>
    Unreachable,

    /// <summary>The store answered that it can't now: memory, too many parts or queries, a lost replica.</summary>
    Busy,

    /// <summary>The bytes sent are wrong, and will be wrong again.</summary>
    Data,

    /// <summary>Tables, rights or settings are wrong; the same statement works once an operator has mended them.</summary>
    Setup,

    /// <summary>An error not classified; treated as one that may pass.</summary>
    Other,
}

/// <summary>The store did not do as asked.</summary>
/// <remarks>The message holds the store's own text, cut at 500 characters, and never a credential: no connection string, no header.</remarks>
public sealed class StoreException : Exception
{
    private const int MaxTextLength = 500;

    private StoreException(StoreFault fault, int code, string message, Exception inner)
        : base(message, inner)
    {
        Fault = fault;
        Code = code;
    }

    /// <summary>Whose fault it is.</summary>
    public StoreFault Fault { get; }

    /// <summary>ClickHouse's error code; 0 when the store did not answer.</summary>
    public int Code { get; }

    /// <summary>Whether the same statement may succeed later.</summary>
    public bool CanRetry => Fault != StoreFault.Data;

    /// <summary>Names the fault behind a code of ClickHouse's.</summary>
    /// <remarks>Source: ClickHouse's ErrorCodes.cpp. Set-up faults are kept apart from data: rows can wait for an operator, damaged rows can't.</remarks>
    public static StoreFault Classify(int code) => code switch
    {
        // Can't parse (6, 26, 27, 38, 41, 72), can't read all data (33), type mismatch (53), value out of range (69, 321, 349, 407), incorrect data (117),
        // too large an array or string (128, 131), a violated constraint (469).
        6 or 26 or 27 or 33 or 38 or 41 or 53 or 69 or 72 or 117 or 321 or 349 or 407 or 128 or 131 or 469 => StoreFault.Data,

        // No such column (16), table (60), database (81), setting (115); rights and passwords (164, 192, 193, 194, 497, 516).
        16 or 60 or 81 or 115 or 164 or 192 or 193 or 194 or 497 or 516 => StoreFault.Setup,

        // Timeouts (159, 209), too many queries (202), network (210), memory (241), read-only replica (242), too many parts (252),
        // unknown status of insert (319), Keeper (999), and what ClickHouse wraps from below (1000, 1001, 1002).
        159 or 202 or 209 or 210 or 241 or 242 or 252 or 319 or 999 or 1000 or 1001 or 1002 => StoreFault.Busy,
        _ => StoreFault.Other,
    };

    internal static StoreException From(Exception cause, string address)
    {
        if (cause is ClickHouseServerException server)
        {
            var fault = Classify(server.ErrorCode);
            return new StoreException(fault, server.ErrorCode, $"ClickHouse at {address} refused with code {server.ErrorCode} ({fault}): {Cut(server.Message)}", cause);
        }

        // What is wrong with a certificate is said only by the cause behind the cause.
        var why = cause.InnerException is AuthenticationException handshake ? handshake.Message : cause.Message;
        return new StoreException(StoreFault.Unreachable, 0, $"ClickHouse at {address} did not answer: {Cut(why)}", cause);
    }

    private static string Cut(string text)
    {
        var line = text.ReplaceLineEndings(" ").Trim();
        return line.Length <= MaxTextLength ? line : line[..MaxTextLength] + "…";
    }
}
