using System.Reflection;
using Tollgate.Control.Secrets;
using Tollgate.Proxy.Configuration;

namespace Tollgate.Control.Tests;

/// <summary>What every kind must keep so that the rules written once hold for it.</summary>
public sealed class ControlKindTests
{
    [Fact]
    public void Secrets_are_texts_at_the_top_of_their_object_where_the_audit_log_hides_them()
    {
        foreach (var kind in ControlKind.All)
        {
            Assert.All(Sensitive(kind.Type), static property => Assert.Equal(typeof(string), property.PropertyType));
            foreach (var nested in kind.Type.GetProperties().SelectMany(static property => property.PropertyType.GetGenericArguments().Append(property.PropertyType)).Where(static type => type.Namespace!.StartsWith("Tollgate", StringComparison.Ordinal)))
            {
                Assert.Empty(Sensitive(nested));
            }
        }
    }

    [Fact]
    public void No_secret_is_in_the_text_of_an_object_of_this_store()
    {
        const string canary = "canary-4d1e77";
        object[] objects = [Samples.Filled<ProviderKey>(canary), Samples.Filled<Webhook>(canary), Samples.Filled<AdminToken>(canary), new ControlOptions { ConnectionString = canary }];
        Assert.All(objects, static item => Assert.DoesNotContain("Secret", item.ToString()!.Replace($"{canary}Id", string.Empty, StringComparison.Ordinal)));
        Assert.All(objects, static item => Assert.DoesNotContain($"{canary}Hash", item.ToString()));
        Assert.DoesNotContain(canary, objects[^1].ToString());
    }

    [Fact]
    public void Names_and_types_of_kinds_are_unique()
    {
        Assert.Equal(ControlKind.All.Count, ControlKind.All.Select(static kind => kind.Name).Distinct().Count());
        Assert.Equal(ControlKind.All.Count, ControlKind.All.Select(static kind => kind.Type).Distinct().Count());
        Assert.All(ControlKind.All, static kind => Assert.All(kind.Columns, static column => Assert.NotNull(typeof(ListQuery).GetProperty(column))));
        Assert.Throws<ArgumentException>(static () => ControlKind.Of<string>());
    }

    [Fact]
    public void A_sealed_secret_opens_only_for_its_purpose_and_owner_and_unaltered()
    {
        var box = new SecretBox(new byte[SecretBox.KeyBytes]);
        var text = box.Seal("label", "kind", "id", "geheim 😀");
        Assert.True(box.TryOpen("label", "kind", "id", text, out var secret));
        Assert.Equal("geheim 😀", secret);
        Assert.NotEqual(text, box.Seal("label", "kind", "id", "geheim 😀"));
        Assert.False(box.TryOpen("other", "kind", "id", text, out _));
        Assert.False(box.TryOpen("label", "other", "id", text, out _));
        Assert.False(box.TryOpen("label", "kind", "other", text, out secret));
        Assert.Empty(secret);
        Assert.False(new SecretBox([.. new byte[SecretBox.KeyBytes - 1], 1]).TryOpen("label", "kind", "id", text, out _));

        var bytes = Convert.FromBase64String(text[3..]);
        for (var i = 0; i < bytes.Length; i++)
        {
            bytes[i] ^= 1;
            Assert.False(box.TryOpen("label", "kind", "id", "v1." + Convert.ToBase64String(bytes), out _));
            bytes[i] ^= 1;
        }

        Assert.All(["", "v1.", "v1.AAAA", "v2." + text[3..], text + "?"], broken => Assert.False(box.TryOpen("label", "kind", "id", broken, out _)));
    }

    private static IEnumerable<PropertyInfo> Sensitive(Type type) => type.GetProperties().Where(static property => property.IsDefined(typeof(SensitiveAttribute), inherit: true));
}
