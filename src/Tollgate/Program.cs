using Tollgate.Cli;
using Tollgate.Configuration;
using Tollgate.Hosting;

return await new CommandLine(ConfigurationLoader.ForThisProcess(), GatewayHost.RunAsync).RunAsync(args, Console.Out, Console.Error, CancellationToken.None);
