using Tollgate.Demo.Team;

namespace Tollgate.Demo.History;

/// <summary>When the team works: by each developer's own day and week, with days off, somebody who comes and somebody who goes.</summary>
/// <remarks>Depends on the seed and the day alone, so that a longer history begins with other days and ends with the same.</remarks>
internal static class WorkCalendar
{
    private static readonly TimeSpan Morning = TimeSpan.FromHours(8.5);

    /// <summary>The sessions that a developer starts on one of that person's own days.</summary>
    /// <param name="chance">The history's.</param>
    /// <param name="developer">Who.</param>
    /// <param name="day">The day, in the developer's own part of the world.</param>
    /// <param name="dayOfHistory">Its number, from 0.</param>
    /// <param name="weather">How the provider is doing.</param>
    public static IEnumerable<Session> SessionsOf(Chance chance, Developer developer, DateOnly day, int dayOfHistory, Weather weather)
    {
        var own = chance.For(developer.Name).For(day.DayNumber);
        var isWeekend = day.DayOfWeek is DayOfWeek.Saturday or DayOfWeek.Sunday;
        if (dayOfHistory < developer.JoinsOnDay || dayOfHistory >= developer.LeavesOnDay || own.Is(isWeekend ? 0.87 : 0.06))
        {
            yield break;
        }

        var mood = 0.6 + (0.9 * own.Part());
        var sessions = isWeekend ? 1 : Math.Max(1, (int)Math.Round(developer.SessionsPerDay * mood));
        var midnight = new DateTimeOffset(day.ToDateTime(TimeOnly.MinValue), TimeSpan.FromHours(developer.UtcOffset));
        for (var i = 0; i < sessions; i++)
        {
            var start = midnight + Morning + TimeSpan.FromHours(9.0 * (i + own.Part()) / sessions);
            yield return SessionScript.Write(own.For(i), developer, start.ToUniversalTime(), weather);
        }
    }
}
