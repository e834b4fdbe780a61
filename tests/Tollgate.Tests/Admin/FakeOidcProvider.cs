using System.Security.Cryptography;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Tollgate.Tests.Admin;

/// <summary>An OpenID Connect provider on loopback that signs in whomever the test says, without asking.</summary>
internal sealed class FakeOidcProvider : IAsyncDisposable
{
    public const string ClientId = "tollgate";
    public const string ClientSecret = "a-secret-of-the-provider";

    private readonly WebApplication _app;
    private readonly RSA _rsa = RSA.Create(2048);
    private string _nonce = "";
    private string _challenge = "";

    private FakeOidcProvider()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _app = builder.Build();
        _app.MapGet("/.well-known/openid-configuration", () => Results.Json(new Dictionary<string, object>
        {
            ["issuer"] = Issuer,
            ["authorization_endpoint"] = $"{Issuer}/authorize",
            ["token_endpoint"] = $"{Issuer}/token",
            ["jwks_uri"] = $"{Issuer}/jwks",
        }));
        _app.MapGet("/jwks", () => Results.Text(JsonSerializer.Serialize(new { keys = new[] { Jwk() } }), "application/json"));
        _app.MapGet("/authorize", (HttpRequest request) =>
        {
            _nonce = request.Query["nonce"]!;
            _challenge = request.Query["code_challenge"]!;
            return Results.Redirect($"{request.Query["redirect_uri"]}?code=the-code&state={Uri.EscapeDataString(request.Query["state"]!)}");
        });
        _app.MapPost("/token", async (HttpRequest request) =>
        {
            var form = await request.ReadFormAsync();
            var verified = Base64UrlEncoder.Encode(SHA256.HashData(System.Text.Encoding.ASCII.GetBytes(form["code_verifier"].ToString()))) == _challenge;
            return verified && form["client_secret"] == ClientSecret && form["code"] == "the-code"
                ? Results.Json(new Dictionary<string, object> { ["access_token"] = "an-access-token", ["token_type"] = "Bearer", ["id_token"] = IdToken() })
                : Results.BadRequest(new { error = "invalid_grant" });
        });
    }

    public string Issuer { get; private set; } = "";

    /// <summary>What is claimed of who signs in, beside issuer, audience, nonce and times.</summary>
    public Dictionary<string, object> Claims { get; set; } = [];

    /// <summary>Whether the token is signed with a key that is not the provider's.</summary>
    public bool SignsWrongly { get; set; }

    /// <summary>Whether the token is for another sign-in.</summary>
    public bool HasWrongNonce { get; set; }

    public static async Task<FakeOidcProvider> StartAsync()
    {
        var provider = new FakeOidcProvider();
        await provider._app.StartAsync();
        provider.Issuer = provider._app.Urls.First();
        return provider;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _rsa.Dispose();
    }

    private Dictionary<string, string> Jwk()
    {
        var parameters = _rsa.ExportParameters(false);
        return new() { ["kty"] = "RSA", ["use"] = "sig", ["alg"] = "RS256", ["kid"] = "key-1", ["n"] = Base64UrlEncoder.Encode(parameters.Modulus), ["e"] = Base64UrlEncoder.Encode(parameters.Exponent) };
    }

    private string IdToken()
    {
        using var other = RSA.Create(2048);
        var key = new RsaSecurityKey((SignsWrongly ? other : _rsa).ExportParameters(true)) { KeyId = "key-1" };
        var claims = new Dictionary<string, object>(Claims) { ["nonce"] = HasWrongNonce ? "another" : _nonce };
        return new JsonWebTokenHandler().CreateToken(new SecurityTokenDescriptor
        {
            Issuer = Issuer,
            Audience = ClientId,
            Expires = DateTime.UtcNow.AddMinutes(5),
            Claims = claims,
            SigningCredentials = new SigningCredentials(key, SecurityAlgorithms.RsaSha256),
        });
    }
}
