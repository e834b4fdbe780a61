using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Tollgate.Admin;
using Tollgate.Configuration;
using Tollgate.Proxy;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Hosting;

/// <summary>The two Kestrel servers: one for clients, one for operators. They share nothing but the process.</summary>
internal static class Listeners
{
    /// <summary>The server for clients: no routing, no middleware but the request path.</summary>
    public static WebApplication Proxy(ProxyOptions options, ILoggerFactory loggers, RequestPath path)
    {
        var app = Build(loggers, kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = options.MaxRequestBodyBytes;
            kestrel.Limits.KeepAliveTimeout = options.KeepAliveTimeout;
            kestrel.Limits.MaxRequestHeadersTotalSize = 64 * 1024;
            kestrel.Limits.MaxRequestLineSize = 16 * 1024;

            // Headers are bytes to us: every byte has a Latin-1 character, so both directions keep what came.
            kestrel.RequestHeaderEncodingSelector = static _ => Encoding.Latin1;
            kestrel.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
            var certificate = options.Certificate is null ? null : LoadCertificate(options.Certificate);
            foreach (var address in options.Listen)
            {
                Listen(kestrel, address, certificate);
            }
        });
        app.Run(path.InvokeAsync);
        return app;
    }

    /// <summary>The server for operators.</summary>
    public static WebApplication Admin(AdminOptions options, ILoggerFactory loggers, AdminEndpoints endpoints)
    {
        var app = Build(loggers, kestrel =>
        {
            foreach (var address in options.Listen)
            {
                Listen(kestrel, address, certificate: null);
            }
        });
        app.Run(endpoints.InvokeAsync);
        return app;
    }

    private static WebApplication Build(ILoggerFactory loggers, Action<KestrelServerOptions> configure)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.Services.AddSingleton(loggers);
        builder.Services.AddSingleton<IHostLifetime, NoLifetime>();

        // The drain has its own limit; the host's must not be shorter.
        builder.Services.Configure<HostOptions>(static host => host.ShutdownTimeout = Timeout.InfiniteTimeSpan);
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            configure(kestrel);
        });
        return builder.Build();
    }

    private static void Listen(KestrelServerOptions kestrel, string text, X509Certificate2? certificate)
    {
        if (!ListenAddress.TryParse(text, out var address, out var problem))
        {
            throw new InvalidOperationException($"\"{text}\" {problem}.");
        }

        if (address!.Address is null && address.Port != 0)
        {
            kestrel.ListenLocalhost(address.Port, Configure);
        }
        else
        {
            kestrel.Listen(address.Address ?? IPAddress.Loopback, address.Port, Configure);
        }

        void Configure(ListenOptions listener)
        {
            switch (address.Scheme)
            {
                case ListenScheme.Https:
                    listener.Protocols = HttpProtocols.Http1AndHttp2;
                    listener.UseHttps(certificate ?? throw new InvalidOperationException($"\"{text}\" needs proxy.certificate."));
                    break;
                case ListenScheme.H2c:
                    listener.Protocols = HttpProtocols.Http2;
                    break;
                default:
                    listener.Protocols = HttpProtocols.Http1;
                    break;
            }
        }
    }

    private static X509Certificate2 LoadCertificate(CertificateOptions options)
    {
        if (Path.GetExtension(options.Path) is ".pfx" or ".p12")
        {
            return X509CertificateLoader.LoadPkcs12FromFile(options.Path, options.Password);
        }

        var keyPath = options.KeyPath.Length > 0 ? options.KeyPath : options.Path;
        return options.Password.Length > 0
            ? X509Certificate2.CreateFromEncryptedPemFile(options.Path, options.Password, keyPath)
            : X509Certificate2.CreateFromPemFile(options.Path, keyPath);
    }

    /// <summary>Leaves signals alone: <see cref="GatewayHost"/> takes them, for both servers at once.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
