using Tollgate.Cli;
using Tollgate.Configuration;
using Tollgate.Hosting;

var loader = ConfigurationLoader.ForThisProcess();
return await new CommandLine(loader, TimeProvider.System, (configuration, cancellation) => GatewayHost.RunAsync(configuration, loader, cancellation))
    .RunAsync(args, Console.Out, Console.Error, CancellationToken.None);
