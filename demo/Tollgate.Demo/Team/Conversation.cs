using Tollgate.Proxy.Facts;

namespace Tollgate.Demo.Team;

/// <summary>What an agent's prompt holds and how much of it the provider has cached: every turn sends everything again.</summary>
/// <remarks>
/// A turn reads the cached prefix, writes what was added since, and has a few fresh tokens behind the last cache mark. A pause longer than the
/// cache lives, or a change near the front (other tools, another model), makes the whole prompt be written again.
/// Source: docs of prompt caching; Claude Code marks tools, system and the last user turn.
/// </remarks>
internal sealed class Conversation(Chance chance, int systemTokens, bool cachesForAnHour)
{
    private readonly TimeSpan _lifetime = cachesForAnHour ? TimeSpan.FromHours(1) : TimeSpan.FromMinutes(5);
    private readonly int _front = systemTokens;
    private int _cached;
    private TimeSpan _touched;

    /// <summary>Tokens of the next prompt before anything is added.</summary>
    public int Context { get; private set; } = systemTokens;

    /// <summary>The front is no longer what was cached.</summary>
    public void BreakCache() => _cached = 0;

    /// <summary>Others of the team have just sent the same tools and system prompt.</summary>
    public void FindFrontCached(TimeSpan at, int tokens) => (_cached, _touched) = (tokens, at);

    /// <summary>A turn that the provider reads, whatever becomes of its answer.</summary>
    /// <param name="at">When it is sent.</param>
    /// <param name="added">Tokens added since the last turn: the user's words, results of tools.</param>
    /// <param name="output">Tokens of the answer.</param>
    public ReportedTokens Turn(TimeSpan at, int added, int output)
    {
        var prompt = Context + added;
        var read = at - _touched <= _lifetime ? Math.Min(_cached, prompt) : 0;
        var input = Math.Min(chance.Between(3, 14), prompt - read);
        var written = prompt - read - input;
        _cached = prompt - input;
        _touched = at;
        Context = prompt + output;
        return new ReportedTokens
        {
            Input = input,
            CacheRead = read,
            CacheWrite = written,
            CacheWrite5m = cachesForAnHour ? 0 : written,
            CacheWrite1h = cachesForAnHour ? written : 0,
            Output = output,
            Thinking = (int)(output * chance.Part() * 0.6),
        };
    }

    /// <summary>The answer did not come: the next turn sends the same again.</summary>
    public void Forget(int added, int output) => Context -= added + output;

    /// <summary>History is replaced by a summary; tools and system prompt stay cached.</summary>
    public void Compact(int summaryTokens)
    {
        Context = _front + summaryTokens;
        _cached = Math.Min(_cached, _front);
    }
}
