using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Tollgate.LoadTest.Peers;

/// <summary>A certificate for 127.0.0.1, made for one run: the upstream's and every peer's.</summary>
/// <param name="Certificate">PEM file.</param>
/// <param name="Key">PEM file.</param>
/// <param name="Both">One PEM file of both, as haproxy wants it.</param>
internal sealed record LoopbackCertificate(string Certificate, string Key, string Both)
{
    /// <summary>Makes it, and has .NET's peers trust it: a process finds the roots it trusts in SSL_CERT_FILE.</summary>
    public static LoopbackCertificate Create(string directory)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=Tollgate load test", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(certificateAuthority: true, hasPathLengthConstraint: false, 0, critical: true));
        var now = TimeProvider.System.GetUtcNow();
        using var made = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(2));

        var (certificate, secret, both) = (Path.Combine(directory, "certificate.pem"), Path.Combine(directory, "key.pem"), Path.Combine(directory, "both.pem"));
        File.WriteAllText(certificate, made.ExportCertificatePem() + "\n");
        File.WriteAllText(secret, key.ExportPkcs8PrivateKeyPem() + "\n");
        File.WriteAllText(both, File.ReadAllText(certificate) + File.ReadAllText(secret));
        Environment.SetEnvironmentVariable("SSL_CERT_FILE", certificate);
        return new LoopbackCertificate(certificate, secret, both);
    }
}
