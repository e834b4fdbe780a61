using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Options;
using Tollgate.Admin;
using Tollgate.Configuration;
using Tollgate.Proxy;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.EventLoops;

namespace Tollgate.Hosting;

/// <summary>The two Kestrel servers: one for clients, one for operators. They share nothing but the process.</summary>
internal static class Listeners
{
    // As many as Linux lets wait (net.core.somaxconn), and more than Kestrel's 512, because it also goes for an inherited socket:
    // there it holds all who connect between two processes, and a client that finds it full is slowed down by a second or more.
    private const int Backlog = 4096;

    /// <summary>The server for clients: no routing, no middleware but the request path. Its connections are <paramref name="loops"/>'s, or .NET's where there are none.</summary>
    /// <exception cref="IOException">A socket is named that was not handed over.</exception>
    public static WebApplication Proxy(ProxyOptions options, ILoggerFactory loggers, RequestPath path, Drain drain, InheritedSockets sockets, EventLoopGroup? loops, TimeProvider time)
    {
        var places = Resolve(options.Listen, sockets);
        IConnectionListenerFactory transport = loops is null
            ? new SocketTransportFactory(Options.Create(new SocketTransportOptions { Backlog = Backlog }), loggers)
            : new LoopTransport(loops, Backlog, time);
        var app = Build(loggers, new DrainingTransport(transport, drain), kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = options.MaxRequestBodyBytes;
            kestrel.Limits.KeepAliveTimeout = options.KeepAliveTimeout;
            kestrel.Limits.MaxRequestHeadersTotalSize = 64 * 1024;
            kestrel.Limits.MaxRequestLineSize = 16 * 1024;

            // Headers are bytes to us: every byte has a Latin-1 character, so both directions keep what came.
            kestrel.RequestHeaderEncodingSelector = static _ => Encoding.Latin1;
            kestrel.ResponseHeaderEncodingSelector = static _ => Encoding.Latin1;
            var certificate = options.Certificate is null ? null : LoadCertificate(options.Certificate);
            foreach (var place in places)
            {
                Listen(kestrel, place, certificate, drain);
            }
        });
        RequestDelegate serve = path.InvokeAsync;
        app.Run(context => drain.ServeAsync(context, serve));
        return app;
    }

    /// <summary>The server for operators.</summary>
    /// <exception cref="IOException">A socket is named that was not handed over.</exception>
    public static WebApplication Admin(AdminOptions options, CertificateOptions? certificateOptions, ILoggerFactory loggers, AdminEndpoints endpoints, AdminApi? api, InheritedSockets sockets)
    {
        var places = Resolve(options.Listen, sockets);
        var certificate = certificateOptions is null ? null : LoadCertificate(certificateOptions);
        var app = Build(
            loggers,
            transport: null,
            kestrel =>
            {
                foreach (var place in places)
                {
                    Listen(kestrel, place, certificate, drain: null);
                }
            },
            api is null ? null : api.AddServices);
        api?.Map(app);
        app.Run(endpoints.InvokeAsync);
        return app;
    }

    /// <summary>What is to be listened on, each socket handed over with its descriptor; found before anything starts.</summary>
    private static List<Place> Resolve(IReadOnlyList<string> texts, InheritedSockets sockets)
    {
        var places = new List<Place>();
        foreach (var text in texts)
        {
            if (!ListenAddress.TryParse(text, out var address, out var problem))
            {
                throw new InvalidOperationException($"\"{text}\" {problem}.");
            }

            if (address!.SocketName is null)
            {
                places.Add(new Place(text, address, null));
                continue;
            }

            places.AddRange(sockets.Named(address.SocketName).Select(descriptor => new Place(text, address, descriptor)));
        }

        return places;
    }

    private static WebApplication Build(ILoggerFactory loggers, DrainingTransport? transport, Action<KestrelServerOptions> configure, Action<IServiceCollection>? addServices = null)
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
        if (transport is not null)
        {
            // Kestrel asks the last one registered first.
            builder.Services.AddSingleton<IConnectionListenerFactory>(transport);
        }

        addServices?.Invoke(builder.Services);
        return builder.Build();
    }

    private static void Listen(KestrelServerOptions kestrel, Place place, X509Certificate2? certificate, Drain? drain)
    {
        var address = place.Address;
        if (place.Descriptor is { } descriptor)
        {
            kestrel.ListenHandle((ulong)descriptor, Configure);
        }
        else if (address.Address is null && address.Port != 0)
        {
            kestrel.ListenLocalhost(address.Port, Configure);
        }
        else
        {
            kestrel.Listen(address.Address ?? IPAddress.Loopback, address.Port, Configure);
        }

        void Configure(ListenOptions listener)
        {
            if (drain is not null)
            {
                listener.Use(next => connection => drain.ConnectAsync(connection, next, mayMove: address.Scheme == ListenScheme.Http));
            }

            switch (address.Scheme)
            {
                case ListenScheme.Https:
                    listener.Protocols = HttpProtocols.Http1AndHttp2;
                    listener.UseHttps(certificate ?? throw new InvalidOperationException($"\"{place.Text}\" needs proxy.certificate."));
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

    /// <summary>One thing to listen on.</summary>
    /// <param name="Text">As configured.</param>
    /// <param name="Address">As read.</param>
    /// <param name="Descriptor">The socket handed over; null to bind one.</param>
    private sealed record Place(string Text, ListenAddress Address, int? Descriptor);

    /// <summary>Leaves signals alone: <see cref="GatewayHost"/> takes them, for both servers at once.</summary>
    private sealed class NoLifetime : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
