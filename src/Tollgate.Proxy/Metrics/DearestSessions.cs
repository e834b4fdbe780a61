using Tollgate.Proxy.Facts;

namespace Tollgate.Proxy.Metrics;

/// <summary>What sessions spent in the last ten minutes: tells a scrape the dearest by name, so that a runaway one can be alerted on.</summary>
/// <remarks>
/// Units: nano-dollars; floating point begins where a scrape reads.
/// Shape: a window of <see cref="Buckets"/> buckets of 30 seconds, by when attempts ended. A session is a client's session id under one virtual key: what
/// another key says under the same id is another session.
/// Bounds: <see cref="MaxTracked"/> sessions have a place. While no more than that spend in a window, every figure is exact. Beyond, a new session takes the
/// place of the one that spent least, and inherits its figure as a rank that is never shown ("Space saving": Metwally, Agrawal, El Abbadi, 2005). So a figure
/// is never too high, and too low by at most <see cref="Buckets"/> / <see cref="MaxTracked"/>, half a percent, of all that was spent in a window. For as long as no
/// bucket leaves, ranks only grow, and who comes back gets at least the rank that it lost with: so within one bucket's time a session loses no more than the least rank, which is
/// at most the sum of all by their number. What is missing now was lost in the time of one of the buckets that are there now.
/// Safe from any thread. Forgets everything when the process ends.
/// </remarks>
public sealed class DearestSessions
{
    /// <summary>Sessions that have a place, about 2 MB in all and the texts of their ids.</summary>
    public const int MaxTracked = 4_096;

    /// <summary>Sessions shown at most; each is a series.</summary>
    public const int MaxShown = 20;

    /// <summary>Buckets of a window.</summary>
    public const int Buckets = 20;

    /// <summary>The window.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(10);

    /// <summary>The least that a session is shown for: most never come that far, and make no series.</summary>
    public static readonly Nanodollars Floor = Nanodollars.FromDollars(1);

    private readonly Lock _gate = new();
    private readonly TimeProvider _time;
    private readonly int _shown;
    private readonly long _floor;
    private readonly long _origin;
    private readonly long _bucketLength;
    private readonly Dictionary<SessionKey, int> _placeOf;
    private readonly Place[] _places;

    // A row of buckets for each place.
    private readonly long[] _own;
    private readonly long[] _inherited;

    // The places in use, as a heap with the least on top; behind them the free ones.
    private readonly int[] _heap;
    private int _used;

    // Invariant: the sum of Total over all places in use, which is all that was spent in the window. So nothing below can overflow.
    private long _sum;
    // The present bucket: its number, where its sums are in a row, and the timestamp that it ends at.
    private long _bucket;
    private int _at;
    private long _bucketEnd;

    /// <summary>Nothing spent yet.</summary>
    public DearestSessions(TimeProvider time)
        : this(time, MaxTracked, MaxShown, Floor)
    {
    }

    internal DearestSessions(TimeProvider time, int tracked, int shown, Nanodollars floor)
    {
        _time = time;
        _shown = shown;
        _floor = floor.Value;
        _origin = time.GetTimestamp();
        _bucketLength = (long)(time.TimestampFrequency * (Window / Buckets).TotalSeconds);
        _bucketEnd = _origin + _bucketLength;
        _placeOf = new Dictionary<SessionKey, int>(tracked);
        _places = new Place[tracked];
        _own = new long[tracked * Buckets];
        _inherited = new long[tracked * Buckets];
        _heap = [.. Enumerable.Range(0, tracked)];
    }

    /// <summary>Sessions that have a place now.</summary>
    internal int Tracked
    {
        get
        {
            lock (_gate)
            {
                return _used;
            }
        }
    }

    /// <summary>Shows the dearest at each scrape of <paramref name="metrics"/>.</summary>
    public static DearestSessions PublishedBy(GatewayMetrics metrics, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(metrics);
        var made = new DearestSessions(time);
        metrics.Observe([MetricCatalog.SessionSpent], () => made.Read().Select(static session => (
            new[] { session.SessionId, session.KeyId, session.KeyName, session.Team, session.Customer },
            new[] { (double)session.Spent.ToDollars() })));
        return made;
    }

    /// <summary>Counts what an attempt cost that has ended.</summary>
    /// <param name="key">Whose it was.</param>
    /// <param name="sessionId">The client's session; nothing is counted without one.</param>
    /// <param name="cost">What it cost.</param>
    /// <param name="timestamp">When it ended, as <see cref="TimeProvider.GetTimestamp"/>.</param>
    /// <remarks>Hot path: no allocation; see DearestSessionsTests.Counting_allocates_nothing. Once in 30 seconds it also moves the window, in a time that grows with the sessions tracked.</remarks>
    public void Add(in MetricKey key, string sessionId, Nanodollars cost, long timestamp)
    {
        if (sessionId.Length == 0 || cost.Value <= 0)
        {
            return;
        }

        lock (_gate)
        {
            if (timestamp >= _bucketEnd)
            {
                Roll_NeedsGate(timestamp);
            }

            var amount = Math.Min(cost.Value, long.MaxValue - _sum);
            var id = new SessionKey(sessionId, key.KeyId);
            if (!_placeOf.TryGetValue(id, out var index))
            {
                index = Take_NeedsGate(id);
            }

            ref var place = ref _places[index];
            if (!ReferenceEquals(place.KeyName, key.KeyName) || !ReferenceEquals(place.Team, key.Team) || !ReferenceEquals(place.Customer, key.Customer))
            {
                (place.KeyName, place.Team, place.Customer) = (key.KeyName, key.Team, key.Customer);
            }

            _own[(index * Buckets) + _at] += amount;
            place.Own += amount;
            place.Total += amount;
            _sum += amount;
            SiftDown_NeedsGate(place.HeapIndex);
        }
    }

    /// <summary>The dearest, those that spent most first.</summary>
    public IReadOnlyList<DearSession> Read()
    {
        var found = new List<DearSession>();
        lock (_gate)
        {
            Roll_NeedsGate(_time.GetTimestamp());
            for (var i = 0; i < _used; i++)
            {
                ref var place = ref _places[_heap[i]];
                if (place.Own > 0 && place.Own >= _floor)
                {
                    found.Add(new DearSession(place.Key.SessionId, place.Key.KeyId, place.KeyName, place.Team, place.Customer, new Nanodollars(place.Own)));
                }
            }
        }

        return [.. found.OrderByDescending(static session => session.Spent).ThenBy(static session => session.SessionId, StringComparer.Ordinal).ThenBy(static session => session.KeyId, StringComparer.Ordinal).Take(_shown)];
    }

    private Span<long> OwnOf(int index) => _own.AsSpan(index * Buckets, Buckets);

    private Span<long> InheritedOf(int index) => _inherited.AsSpan(index * Buckets, Buckets);

    private int Take_NeedsGate(SessionKey id)
    {
        int index;
        if (_used < _heap.Length)
        {
            index = _heap[_used];
            _places[index] = new Place { Key = id, HeapIndex = _used };
            _used++;
            SiftUp_NeedsGate(_used - 1);
        }
        else
        {
            index = _heap[0];
            ref var place = ref _places[index];
            _placeOf.Remove(place.Key);
            var own = OwnOf(index);
            var inherited = InheritedOf(index);
            for (var bucket = 0; bucket < Buckets; bucket++)
            {
                inherited[bucket] += own[bucket];
            }

            own.Clear();
            place.Key = id;
            place.Own = 0;
        }

        _placeOf.Add(id, index);
        return index;
    }

    /// <summary>Goes to the bucket that <paramref name="timestamp"/> is in; it never goes back, so what came a moment late counts as now.</summary>
    private void Roll_NeedsGate(long timestamp)
    {
        if (timestamp < _bucketEnd)
        {
            return;
        }

        var bucket = (timestamp - _origin) / _bucketLength;
        var leaving = (int)Math.Min(bucket - _bucket, Buckets);
        var kept = 0;
        for (var i = 0; i < _used; i++)
        {
            var index = _heap[i];
            Leave_NeedsGate(index, leaving);
            if (_places[index].Total > 0)
            {
                (_heap[kept], _heap[i]) = (index, _heap[kept]);
                kept++;
            }
            else
            {
                _placeOf.Remove(_places[index].Key);
                _places[index] = default;
            }
        }

        _used = kept;
        _bucket = bucket;
        _at = (int)(bucket % Buckets);
        _bucketEnd = _origin + ((bucket + 1) * _bucketLength);
        for (var i = 0; i < _used; i++)
        {
            _places[_heap[i]].HeapIndex = i;
        }

        for (var i = (_used / 2) - 1; i >= 0; i--)
        {
            SiftDown_NeedsGate(i);
        }
    }

    private void Leave_NeedsGate(int index, int leaving)
    {
        ref var place = ref _places[index];
        var own = OwnOf(index);
        var inherited = InheritedOf(index);
        for (var step = 1; step <= leaving; step++)
        {
            var at = (int)((_bucket + step) % Buckets);
            place.Own -= own[at];
            place.Total -= own[at] + inherited[at];
            _sum -= own[at] + inherited[at];
            own[at] = inherited[at] = 0;
        }
    }

    private void SiftUp_NeedsGate(int at)
    {
        while (at > 0 && TotalAt(at) < TotalAt((at - 1) / 2))
        {
            Swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    private void SiftDown_NeedsGate(int at)
    {
        while (true)
        {
            var least = (2 * at) + 1;
            if (least >= _used)
            {
                return;
            }

            if (least + 1 < _used && TotalAt(least + 1) < TotalAt(least))
            {
                least++;
            }

            if (TotalAt(at) <= TotalAt(least))
            {
                return;
            }

            Swap(at, least);
            at = least;
        }
    }

    private long TotalAt(int at) => _places[_heap[at]].Total;

    private void Swap(int one, int other)
    {
        (_heap[one], _heap[other]) = (_heap[other], _heap[one]);
        _places[_heap[one]].HeapIndex = one;
        _places[_heap[other]].HeapIndex = other;
    }

    private readonly record struct SessionKey(string SessionId, string KeyId)
    {
        /// <summary>
        /// The session by the runtime's seeded hash, since clients choose it and must not be able to choose ones that collide; of the key, which they do not choose, only how it ends,
        /// as a second whole hash would cost a fifth of <see cref="Add"/>.
        /// </summary>
        public override int GetHashCode() => SessionId.GetHashCode(StringComparison.Ordinal) ^ EndOf(KeyId);

        private static int EndOf(string key) => key.Length < 4 ? key.Length : ((key[^1] | (key[^2] << 8) | (key[^3] << 16) | (key[^4] << 24)) * 0x2C9277B5);
    }

    private struct Place
    {
        public SessionKey Key;
        public string KeyName;
        public string Team;
        public string Customer;

        /// <summary>What the session spent in the window since it has this place.</summary>
        public long Own;

        /// <summary>That and what it inherited: its rank.</summary>
        public long Total;

        /// <summary>Where the heap has it.</summary>
        public int HeapIndex;
    }
}
