using Tollgate.Proxy.Configuration;

namespace Tollgate.Configuration;

/// <summary>What listen addresses must keep among themselves.</summary>
internal static class ListenRules
{
    private sealed record Listener(string Path, string Text, ListenAddress Address);

    /// <summary>Checks all of them.</summary>
    public static void Check(TollgateOptions options, ProblemList problems)
    {
        var listeners = new List<Listener>();
        Read(options.Proxy.Listen, "proxy.listen", listeners, problems);
        Read(options.Admin.Listen, "admin.listen", listeners, problems);
        CheckCertificate(options, listeners, problems);
        CheckOpenRelay(options, listeners, problems);

        foreach (var admin in listeners.Where(listener => listener.Path.StartsWith("admin.", StringComparison.Ordinal) && !listener.Address.IsLoopback))
        {
            problems.Warn(admin.Path, $"is {ConfigurationPath.Quote(admin.Text)}: whoever reaches it can read names of keys and teams, and what they spend{(admin.Address.Scheme == ListenScheme.Https ? string.Empty : ", and admin tokens go there in clear; https:// seals them")}. Keep it to a trusted network.");
        }

        if (options.Storage.Mode == StorageMode.Embedded)
        {
            ReadStore(options.Storage.Listen, listeners, problems);
        }

        CheckClashes(listeners, problems);
    }

    private static void Read(IReadOnlyList<string> addresses, string path, List<Listener> listeners, ProblemList problems)
    {
        for (var i = 0; i < addresses.Count; i++)
        {
            var entryPath = ConfigurationPath.Join(path, i);
            if (problems.Has(entryPath))
            {
                continue;
            }

            if (ListenAddress.TryParse(addresses[i], out var address, out var problem))
            {
                listeners.Add(new(entryPath, addresses[i], address!));
            }
            else
            {
                problems.Add(entryPath, $"is {ConfigurationPath.Quote(addresses[i])}, but {problem}.");
            }
        }
    }

    private static void ReadStore(string text, List<Listener> listeners, ProblemList problems)
    {
        const string path = "storage.listen";
        if (problems.Has(path))
        {
            return;
        }

        if (!ListenAddress.TryParse(text, out var address, out var problem))
        {
            problems.Add(path, $"is {ConfigurationPath.Quote(text)}, but {problem}.");
        }
        else if (address!.Scheme != ListenScheme.Http || address.Port == 0 || !address.IsLoopback)
        {
            problems.Add(path, $"is {ConfigurationPath.Quote(text)}, but the embedded store has no password: it must be http:// on a loopback address with a port of its own, such as http://127.0.0.1:8123.");
        }
        else
        {
            listeners.Add(new(path, text, address));
        }
    }

    private static void CheckCertificate(TollgateOptions options, List<Listener> listeners, ProblemList problems)
    {
        if (options.Proxy.Certificate is null)
        {
            foreach (var secure in listeners.Where(listener => listener.Address.Scheme == ListenScheme.Https))
            {
                problems.Add(secure.Path, $"is {ConfigurationPath.Quote(secure.Text)}, but proxy.certificate is not given. Give proxy.certificate.path, or use http://.");
            }

            return;
        }

        RequireFile(options.Proxy.Certificate.Path, "proxy.certificate.path", problems);
        RequireFile(options.Proxy.Certificate.KeyPath, "proxy.certificate.keyPath", problems);
    }

    /// <summary>Checks that a named file exists; an empty name is no name.</summary>
    public static void RequireFile(string file, string path, ProblemList problems)
    {
        if (file.Length > 0 && !File.Exists(file))
        {
            problems.Add(path, $"is {ConfigurationPath.Quote(file)}, but there is no such file ({Path.GetFullPath(file)}). Correct the path, or remove the key.");
        }
    }

    private static void CheckOpenRelay(TollgateOptions options, List<Listener> listeners, ProblemList problems)
    {
        if (options.RequireKey || problems.Has("requireKey"))
        {
            return;
        }

        foreach (var (name, upstream) in options.Upstreams.Where(upstream => upstream.Value.HasKey))
        {
            foreach (var open in listeners.Where(listener => listener.Path.StartsWith("proxy.", StringComparison.Ordinal) && !listener.Address.IsLoopback))
            {
                problems.Add(
                    open.Path,
                    $"is {ConfigurationPath.Quote(open.Text)}, while {ConfigurationPath.Join("upstreams", name)}.apiKey is given and requireKey is false: "
                    + "whoever reaches that address could spend on your key. Set requireKey to true, or listen on 127.0.0.1 by address.");
            }
        }
    }

    private static void CheckClashes(List<Listener> listeners, ProblemList problems)
    {
        for (var i = 0; i < listeners.Count; i++)
        {
            for (var j = 0; j < i; j++)
            {
                if (listeners[i].Address.ClashesWith(listeners[j].Address))
                {
                    problems.Add(
                        listeners[i].Path,
                        $"is {ConfigurationPath.Quote(listeners[i].Text)}, which clashes with {listeners[j].Path}, {ConfigurationPath.Quote(listeners[j].Text)}. Give one of them another {(listeners[i].Address.SocketName is null ? "port" : "socket")}.");
                }
            }
        }
    }
}
