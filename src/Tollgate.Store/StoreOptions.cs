namespace Tollgate.Store;

/// <summary>The command line, checked.</summary>
/// <param name="Listen">Loopback address. Default http://127.0.0.1:8123.</param>
/// <param name="DataDirectory">Absolute path; made when missing.</param>
/// <param name="MaxMemoryBytes">What the engine may hold. Default 1 GiB. A query beyond it fails with 241.</param>
/// <param name="MaxThreads">Threads of one query. Default: the processors, at most 4.</param>
/// <param name="Library">Path of libchdb.so, or null to look for it.</param>
/// <param name="ParentProcessId">The store ends when this process is gone; null for never.</param>
internal sealed record StoreOptions(Uri Listen, string DataDirectory, long MaxMemoryBytes, int MaxThreads, string? Library, int? ParentProcessId);
