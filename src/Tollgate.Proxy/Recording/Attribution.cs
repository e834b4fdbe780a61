using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;
using Tollgate.Proxy.Facts;
using Tollgate.Proxy.Forwarding;
using Tollgate.Proxy.Keys;

namespace Tollgate.Proxy.Recording;

/// <summary>Writes into a row whose request it was: what the virtual key proves, and what the client's headers claim.</summary>
/// <remarks>
/// Headers are claims: good to attribute by, never to authorise by. Each is cut at <see cref="MaxValueLength"/> characters; a value that is not
/// known is taken as it is. The key's word goes before the client's.
/// Source of the names: Claude Code 2.1.330 on the wire; some of them need <c>CLAUDE_CODE_GATEWAY_HINT_HEADERS=1</c> at the client.
/// </remarks>
public static class Attribution
{
    /// <summary>The longest value kept.</summary>
    public const int MaxValueLength = NameTable.MaxBytes;

    /// <summary>The most labels kept of one request.</summary>
    public const int MaxLabels = 16;

    /// <summary>Fills the row's owner, session, agent, client and label columns.</summary>
    public static void Write(UsageRow row, VirtualKey key, IHeaderDictionary headers)
    {
        row.KeyId = key.Id;
        row.Developer = key.Developer;
        row.Team = key.Team;
        row.Customer = key.Customer;
        row.Project = ProjectOf(key, headers);

        row.SessionId = SessionOf(headers);
        row.AgentId = Text(headers["x-claude-code-agent-id"]);
        row.ParentAgentId = Text(headers["x-claude-code-parent-agent-id"]);
        row.PromptId = Text(headers["x-claude-code-prompt-id"]);
        row.AgentKind = Name(headers["x-claude-code-agent-type"]);
        row.RequestClass = Name(headers["x-claude-code-request-class"]);
        if (row.RequestClass.Length == 0 && row.AgentId.Length > 0)
        {
            row.RequestClass = "subagent";
        }

        row.Client = ClientName(headers.UserAgent);
        WriteLabels(row, headers);
    }

    /// <summary>The project spent on.</summary>
    public static string ProjectOf(VirtualKey key, IHeaderDictionary headers) => key.Project.Length > 0 ? key.Project : Name(headers["x-project"]);

    /// <summary>The client's session.</summary>
    public static string SessionOf(IHeaderDictionary headers) => Text(headers["x-claude-code-session-id"]);

    /// <summary>Name and version of a client: the first product of its user agent (<c>claude-cli/2.1.330</c>).</summary>
    private static string ClientName(StringValues userAgent)
    {
        var product = (userAgent.Count > 0 ? userAgent[0] : null).AsSpan().Trim();
        var end = product.IndexOf(' ');
        return NameTable.Intern(end < 0 ? product : product[..end]);
    }

    private static void WriteLabels(UsageRow row, IHeaderDictionary headers)
    {
        foreach (var (name, values) in headers)
        {
            if (row.Labels.Count < MaxLabels && HeaderRules.TryReadLabelName(name, out var label))
            {
                row.Labels.Add(new KeyValuePair<string, string>(NameTable.Intern(label), Name(values)));
            }
        }
    }

    /// <summary>A value of few kinds: interned.</summary>
    private static string Name(StringValues values) => values.Count == 0 ? string.Empty : NameTable.Intern(values[0].AsSpan().Trim());

    /// <summary>A value of many kinds: kept as it came.</summary>
    private static string Text(StringValues values)
    {
        var value = values.Count == 0 ? null : values[0];
        return value is null ? string.Empty : value.Length <= MaxValueLength ? value : value[..MaxValueLength];
    }
}
