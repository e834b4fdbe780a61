using Tollgate.Proxy.Accounting;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Hosting;

/// <summary>The price list that a configuration names: the embedded one, with the user's file on top.</summary>
internal static class PriceFile
{
    /// <summary>Loads it.</summary>
    /// <exception cref="PriceListException">The file has problems; the exception has all of them.</exception>
    /// <exception cref="IOException">The file can't be read.</exception>
    public static PriceList Load(PricesOptions options)
    {
        if (options.File.Length == 0)
        {
            return PriceList.Embedded;
        }

        using var file = File.OpenRead(options.File);
        return PriceList.Embedded.WithOverrides(file, options.File);
    }
}
