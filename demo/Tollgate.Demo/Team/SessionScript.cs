namespace Tollgate.Demo.Team;

/// <summary>Writes sessions of Claude Code as they look on the wire.</summary>
/// <remarks>
/// A session is prompts, a prompt is turns with tools between them. Beside them: a title by a small model, sub-agents that run side by side,
/// compactions, caches that ran out over a coffee, retries of what the provider refused, answers that were stopped or broke off.
/// </remarks>
internal static class SessionScript
{
    // Of a window of 200,000 tokens.
    private const int CompactAt = 155_000;

    private static readonly string[] AgentKinds = ["Explore", "Explore", "general-purpose", "Plan"];

    /// <summary>A session as people have them.</summary>
    public static Session Write(Chance chance, Developer developer, DateTimeOffset start, Weather weather)
    {
        var project = chance.Is(0.65) ? developer.Projects[0] : chance.Of(developer.Projects);
        var session = new CallWriter(chance, developer, start, weather, isFast: chance.Is(developer.FastShare));
        var main = new Conversation(chance, chance.Between(17_000, 24_000), developer.CachesForAnHour);
        if (chance.Is(0.4))
        {
            main.FindFrontCached(TimeSpan.Zero, 15_000);
        }

        var prompts = chance.Around(4, 0.7, 14);
        for (var prompt = 0; prompt <= prompts; prompt++)
        {
            var promptId = chance.Uuid().ToString();
            if (prompt == 0)
            {
                session.Side(DemoTeam.SideModel, input: chance.Between(700, 1_400), output: chance.Between(12, 40));
            }

            WritePrompt(chance, developer, session, main, promptId);
            session.Pause(chance.Around(TimeSpan.FromSeconds(95), 1.1, TimeSpan.FromMinutes(50)));
        }

        if (chance.Is(0.1))
        {
            session.CountTokens(developer.MainModel);
        }

        return session.ToSession(project, isRunaway: false);
    }

    /// <summary>A session that goes round in circles for <paramref name="length"/>, every turn with a cache that something in front has broken.</summary>
    public static Session WriteRunaway(Chance chance, Developer developer, DateTimeOffset start, TimeSpan length, int refusals)
    {
        var session = new CallWriter(chance, developer, start, new Weather([]), isFast: false);
        var main = new Conversation(chance, 21_000, cachesForAnHour: false);
        var promptId = chance.Uuid().ToString();
        while (session.Now < length)
        {
            if (chance.Is(0.85))
            {
                main.BreakCache();
            }

            session.Turn(main, developer.MainModel, "main", null, promptId, chance.Between(120, 420), chance.Between(90, 260));
            session.Pause(chance.Around(TimeSpan.FromSeconds(3), 0.4, TimeSpan.FromSeconds(20)));
            if (main.Context > 120_000)
            {
                session.Compact(main, developer.MainModel, chance.Between(1_500, 2_500));
            }
        }

        for (var i = 0; i < refusals; i++)
        {
            session.Refused(main, developer.MainModel, promptId);
            session.Pause(TimeSpan.FromSeconds(chance.Between(20, 90)));
        }

        return session.ToSession(developer.Projects[0], isRunaway: true);
    }

    /// <summary>A short script of a developer's own that tries a model which nobody has a price for.</summary>
    public static Session WriteTrial(Chance chance, Developer developer, DateTimeOffset start, int calls)
    {
        var session = new CallWriter(chance, developer, start, new Weather([]), isFast: false);
        for (var i = 0; i < calls; i++)
        {
            session.Side(DemoTeam.UnpricedModel, chance.Between(2_000, 9_000), chance.Between(200, 900));
            session.Pause(TimeSpan.FromSeconds(chance.Between(2, 9)));
        }

        return session.ToSession(developer.Projects[0], isRunaway: false);
    }

    private static void WritePrompt(Chance chance, Developer developer, CallWriter session, Conversation main, string promptId)
    {
        var turns = 1 + chance.Around(6, 0.8, 45);
        for (var turn = 0; turn < turns; turn++)
        {
            if (main.Context > CompactAt)
            {
                session.Compact(main, developer.MainModel, chance.Between(3_000, 6_500));
            }

            if (chance.Is(0.006))
            {
                main.BreakCache();
            }

            var isLast = turn == turns - 1;
            var goesOn = session.Turn(
                main,
                developer.MainModel,
                "main",
                null,
                promptId,
                added: turn == 0 ? chance.Around(220, 1.2, 20_000) : chance.Around(1_100, 1.1, 30_000),
                output: chance.Around(isLast ? 480 : 230, 0.9, 12_000),
                stopReason: isLast ? "end_turn" : "tool_use",
                searches: chance.Is(0.008) ? chance.Between(1, 3) : 0);
            if (!goesOn)
            {
                return;
            }

            if (!isLast && chance.Is(0.035))
            {
                WriteAgents(chance, developer, session, promptId);
            }

            session.Pause(chance.Around(TimeSpan.FromSeconds(4), 1.0, TimeSpan.FromMinutes(4)));
        }
    }

    /// <summary>One to three sub-agents at the same time; the session waits for the last of them.</summary>
    private static void WriteAgents(Chance chance, Developer developer, CallWriter session, string promptId)
    {
        var start = session.Now;
        var end = start;
        var agents = chance.Between(1, 3);
        for (var i = 0; i < agents; i++)
        {
            session.Now = start + TimeSpan.FromMilliseconds(chance.Between(50, 900));
            WriteAgent(chance, developer, session, promptId, new Agent("a" + chance.Hex(16), string.Empty, chance.Of(AgentKinds)), mayNest: true);
            end = session.Now > end ? session.Now : end;
        }

        session.Now = end;
    }

    private static void WriteAgent(Chance chance, Developer developer, CallWriter session, string promptId, Agent agent, bool mayNest)
    {
        var model = agent.Kind == "Explore" ? DemoTeam.SideModel : developer.MainModel;
        var own = new Conversation(chance, chance.Between(9_000, 12_000), cachesForAnHour: false);
        var turns = chance.Around(6, 0.6, 25);
        for (var turn = 0; turn <= turns; turn++)
        {
            var goesOn = session.Turn(
                own, model, "subagent", agent, promptId, chance.Around(1_300, 0.9, 20_000), chance.Around(190, 0.8, 5_000), turn == turns ? "end_turn" : "tool_use");
            if (!goesOn)
            {
                return;
            }

            if (mayNest && chance.Is(0.01))
            {
                WriteAgent(chance, developer, session, promptId, new Agent("a" + chance.Hex(16), agent.Id, "general-purpose"), mayNest: false);
            }

            session.Pause(chance.Around(TimeSpan.FromSeconds(1.5), 0.8, TimeSpan.FromSeconds(40)));
        }
    }
}
