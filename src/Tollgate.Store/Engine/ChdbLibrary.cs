using System.Runtime.InteropServices;
using System.Text;

namespace Tollgate.Store.Engine;

/// <summary>libchdb's C functions, found once by name.</summary>
/// <remarks>
/// Source: chdb.h of libchdb 26.7; only the length-carrying twins are used, so a NUL in a statement or a value is data.
/// All handles are opaque. Nothing returned here may be freed by .NET: each has its own destroy function.
/// </remarks>
internal sealed unsafe class ChdbLibrary
{
    public readonly delegate* unmanaged<int, void> SetSignalHandlersEnabled;
    public readonly delegate* unmanaged<int, byte**, nint*> Connect;
    public readonly delegate* unmanaged<nint*, void> CloseConnection;
    public readonly delegate* unmanaged<int> Shutdown;
    public readonly delegate* unmanaged<nint, byte*, nuint, byte*, nuint, byte**, nuint*, byte**, nuint*, nuint, nint> Query;
    public readonly delegate* unmanaged<nint, byte*, nuint, byte*, nuint, byte**, nuint*, byte**, nuint*, nuint, nint> StreamQuery;
    public readonly delegate* unmanaged<nint, byte*, nuint, byte*, nuint, byte**, nuint*, byte**, nuint*, nuint, nint> StreamInsert;
    public readonly delegate* unmanaged<nint, nint, nint> StreamFetch;
    public readonly delegate* unmanaged<nint, nint, void> StreamCancel;
    public readonly delegate* unmanaged<nint, byte*, nuint, int> InsertAppend;
    public readonly delegate* unmanaged<nint, nint> InsertDone;
    public readonly delegate* unmanaged<nint, void> InsertCancel;
    public readonly delegate* unmanaged<nint, byte*> InsertError;
    public readonly delegate* unmanaged<nint, void> InsertDestroy;
    public readonly delegate* unmanaged<nint, byte*> ResultBuffer;
    public readonly delegate* unmanaged<nint, nuint> ResultLength;
    public readonly delegate* unmanaged<nint, byte*> ResultError;
    public readonly delegate* unmanaged<nint, ulong> ResultRows;
    public readonly delegate* unmanaged<nint, ulong> ResultBytes;
    public readonly delegate* unmanaged<nint, ulong> StorageRows;
    public readonly delegate* unmanaged<nint, ulong> StorageBytes;
    public readonly delegate* unmanaged<nint, ulong> RowsWritten;
    public readonly delegate* unmanaged<nint, ulong> BytesWritten;
    public readonly delegate* unmanaged<nint, void> ResultDestroy;
    public readonly delegate* unmanaged<nint, byte*, nuint, byte*, nuint, QueryAnalysis*, int> Classify;

    /// <summary>Loads the library. Takes a moment: the file is 566 MB, mapped.</summary>
    /// <exception cref="DllNotFoundException">The file is not a loadable library for this machine.</exception>
    /// <exception cref="EntryPointNotFoundException">The file is another version, without a function that we need.</exception>
    public ChdbLibrary(string path)
    {
        var library = NativeLibrary.Load(path);
        nint Find(string name) => NativeLibrary.GetExport(library, name);
        SetSignalHandlersEnabled = (delegate* unmanaged<int, void>)Find("chdb_set_signal_handlers_enabled");
        Connect = (delegate* unmanaged<int, byte**, nint*>)Find("chdb_connect");
        CloseConnection = (delegate* unmanaged<nint*, void>)Find("chdb_close_conn");
        Shutdown = (delegate* unmanaged<int>)Find("chdb_shutdown");
        Query = (delegate* unmanaged<nint, byte*, nuint, byte*, nuint, byte**, nuint*, byte**, nuint*, nuint, nint>)Find("chdb_query_with_params_n");
        StreamQuery = (delegate* unmanaged<nint, byte*, nuint, byte*, nuint, byte**, nuint*, byte**, nuint*, nuint, nint>)Find("chdb_stream_query_with_params_n");
        StreamInsert = (delegate* unmanaged<nint, byte*, nuint, byte*, nuint, byte**, nuint*, byte**, nuint*, nuint, nint>)Find("chdb_stream_insert_with_params_n");
        StreamFetch = (delegate* unmanaged<nint, nint, nint>)Find("chdb_stream_fetch_result");
        StreamCancel = (delegate* unmanaged<nint, nint, void>)Find("chdb_stream_cancel_query");
        InsertAppend = (delegate* unmanaged<nint, byte*, nuint, int>)Find("chdb_stream_append");
        InsertDone = (delegate* unmanaged<nint, nint>)Find("chdb_stream_done");
        InsertCancel = (delegate* unmanaged<nint, void>)Find("chdb_stream_cancel_insert");
        InsertError = (delegate* unmanaged<nint, byte*>)Find("chdb_stream_insert_error");
        InsertDestroy = (delegate* unmanaged<nint, void>)Find("chdb_destroy_insert_stream");
        ResultBuffer = (delegate* unmanaged<nint, byte*>)Find("chdb_result_buffer");
        ResultLength = (delegate* unmanaged<nint, nuint>)Find("chdb_result_length");
        ResultError = (delegate* unmanaged<nint, byte*>)Find("chdb_result_error");
        ResultRows = (delegate* unmanaged<nint, ulong>)Find("chdb_result_rows_read");
        ResultBytes = (delegate* unmanaged<nint, ulong>)Find("chdb_result_bytes_read");
        StorageRows = (delegate* unmanaged<nint, ulong>)Find("chdb_result_storage_rows_read");
        StorageBytes = (delegate* unmanaged<nint, ulong>)Find("chdb_result_storage_bytes_read");
        RowsWritten = (delegate* unmanaged<nint, ulong>)Find("chdb_result_rows_written");
        BytesWritten = (delegate* unmanaged<nint, ulong>)Find("chdb_result_bytes_written");
        ResultDestroy = (delegate* unmanaged<nint, void>)Find("chdb_destroy_query_result");
        Classify = (delegate* unmanaged<nint, byte*, nuint, byte*, nuint, QueryAnalysis*, int>)Find("chdb_classify_query_n");
    }

    /// <summary>Tells the library to leave the crash signals alone. Before the first connection.</summary>
    public void DisableSignalHandlers() => SetSignalHandlersEnabled(0);

    /// <summary>Joins the engine's threads; there is no way back. After the last connection is closed.</summary>
    public void ShutDown() => _ = Shutdown();

    /// <summary>A C string of the library's, copied. Null stays null.</summary>
    public static string? Text(byte* text) =>
        text is null ? null : Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));
}

/// <summary>What the engine's parser says of a statement, without running it (<c>chdb_query_analysis_v1</c>).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct QueryAnalysis
{
    /// <summary>Bytes of this struct; set before the call.</summary>
    public uint StructSize;

    /// <summary>How many statements the text holds. The engine would run them all.</summary>
    public uint StatementCount;

    /// <summary>Bits that nothing here reads.</summary>
    public uint Flags;

    /// <summary>What running it would touch.</summary>
    public QueryClass Class;
}

/// <summary>What running a statement would touch, in the engine's own numbers.</summary>
internal enum QueryClass : uint
{
    /// <summary>SELECT, SHOW, DESCRIBE, EXPLAIN.</summary>
    ReadOnly = 0,

    /// <summary>Changes tables of a database.</summary>
    Mutating = 1,

    /// <summary>Changes users, functions and the like.</summary>
    MutatingGlobal = 2,

    /// <summary>USE, SET, SYSTEM, KILL, BACKUP, INTO OUTFILE.</summary>
    Control = 3,

    /// <summary>Did not parse.</summary>
    Unknown = 4,
}
