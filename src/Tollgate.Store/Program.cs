using System.CommandLine;
using Tollgate.Store;
using Tollgate.Store.Http;

const int WrongUse = 2;
const long DefaultMemory = 1024L * 1024 * 1024;

var listen = new Option<string>("--listen") { Description = "Loopback address to listen on. Default: http://127.0.0.1:8123.", DefaultValueFactory = static _ => "http://127.0.0.1:8123" };
var data = new Option<string>("--data") { Description = "Directory of the tables; made when missing. Default: data.", DefaultValueFactory = static _ => "data" };
var memory = new Option<long>("--max-memory") { Description = "Bytes that the engine may hold. Default: 1 GiB.", DefaultValueFactory = static _ => DefaultMemory };
var threads = new Option<int>("--max-threads") { Description = "Threads of one query. Default: the processors, at most 4.", DefaultValueFactory = static _ => Math.Min(4, Environment.ProcessorCount) };
var library = new Option<string?>("--library") { Description = "Path of libchdb.so. Default: beside the executable, else where npm installed it." };
var parent = new Option<int?>("--parent-pid") { Description = "Ends when this process has ended." };
var root = new RootCommand("The embedded ClickHouse of Tollgate: the ClickHouse HTTP interface over libchdb, on loopback.") { listen, data, memory, threads, library, parent };
listen.Validators.Add(result =>
{
    if (!Uri.TryCreate(result.GetValueOrDefault<string>(), UriKind.Absolute, out var address) || address.Scheme != Uri.UriSchemeHttp || !LoopbackGuard.IsLoopback(address.Host))
    {
        result.AddError("--listen must be an http:// address on loopback, such as http://127.0.0.1:8123: the store has no password.");
    }
});
root.SetAction(async (parsed, _) =>
{
    var options = new StoreOptions(
        new Uri(parsed.GetValue(listen)!),
        Path.GetFullPath(parsed.GetValue(data)!),
        parsed.GetValue(memory),
        parsed.GetValue(threads),
        parsed.GetValue(library),
        parsed.GetValue(parent));
    try
    {
        return await StoreHost.RunAsync(options, TimeProvider.System);
    }
    catch (Exception cannot) when (cannot is StartupException or Tollgate.Store.Engine.EngineException or DllNotFoundException or EntryPointNotFoundException)
    {
        await Console.Error.WriteLineAsync(cannot.Message);
        return 1;
    }
});

var command = root.Parse(args);
var code = await command.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
return command.Errors.Count > 0 ? WrongUse : code;
