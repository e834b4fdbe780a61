namespace Tollgate.Proxy.Admission;

/// <summary>Which refusals are worth a note: the first for a budget, a value, a window and a developer; and of one budget and developer at most twelve in an hour.</summary>
/// <remarks>
/// The second rule is for values that a client makes up: each request can name another session. What is remembered is bounded by both rules, and forgotten when there
/// is too much of it: whoever keeps the notes knows which are not new. Safe for use by several threads.
/// </remarks>
internal sealed class RefusalFilter
{
    private const int MostPerHour = 12;

    // Some hundred kilobytes.
    private const int MostKept = 4096;

    private readonly Lock _lock = new();
    private readonly HashSet<(string Budget, string Value, long Window, string Developer)> _seen = [];
    private readonly Dictionary<(string Budget, string Developer), (long Hour, int Count)> _counts = [];

    /// <summary>Whether to note a refusal.</summary>
    /// <param name="budget">The budget's id.</param>
    /// <param name="value">Whose it is.</param>
    /// <param name="window">Tells its windows apart.</param>
    /// <param name="developer">Who was refused.</param>
    /// <param name="at">When.</param>
    public bool IsNew(string budget, string value, long window, string developer, DateTimeOffset at)
    {
        var hour = at.UtcTicks / TimeSpan.TicksPerHour;
        lock (_lock)
        {
            if (_seen.Contains((budget, value, window, developer)))
            {
                return false;
            }

            var count = _counts.TryGetValue((budget, developer), out var known) && known.Hour == hour ? known.Count : 0;
            if (count >= MostPerHour)
            {
                return false;
            }

            if (_seen.Count >= MostKept)
            {
                _seen.Clear();
            }

            if (_counts.Count >= MostKept)
            {
                Forget_NeedsLock(hour);
            }

            _seen.Add((budget, value, window, developer));
            _counts[(budget, developer)] = (hour, count + 1);
            return true;
        }
    }

    // Counts of this hour are kept: they hold the second rule, and there are no more than budgets times developers.
    private void Forget_NeedsLock(long hour)
    {
        foreach (var (key, (counted, _)) in _counts)
        {
            if (counted != hour)
            {
                _counts.Remove(key);
            }
        }
    }
}
