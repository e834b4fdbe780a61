// The smallest YARP that does the job: one route, one destination, no logs. Arguments: the port to listen at, the upstream's port.
using Yarp.ReverseProxy.Configuration;

var builder = WebApplication.CreateSlimBuilder();
builder.Logging.ClearProviders();
builder.WebHost.ConfigureKestrel(static kestrel => kestrel.Limits.MaxRequestBodySize = null);
builder.WebHost.UseUrls($"http://127.0.0.1:{args[0]}");
builder.Services.AddReverseProxy().LoadFromMemory(
    [new RouteConfig { RouteId = "all", ClusterId = "provider", Match = new RouteMatch { Path = "{**all}" } }],
    [new ClusterConfig { ClusterId = "provider", Destinations = new Dictionary<string, DestinationConfig> { ["provider"] = new() { Address = $"http://127.0.0.1:{args[1]}" } } }]);
var application = builder.Build();
application.MapReverseProxy();
await application.RunAsync();
