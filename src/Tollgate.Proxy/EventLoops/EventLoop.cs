using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using Microsoft.Win32.SafeHandles;

namespace Tollgate.Proxy.EventLoops;

/// <summary>One thread that waits for its sockets and runs whatever is to be done with them: a client's request and the upstream's answer to it never leave it.</summary>
/// <remarks>
/// A client's connection may move to another loop between two requests (<see cref="LoopSocket.BeginMove"/>).
/// What happens on the thread has the loop as its <see cref="SynchronizationContext"/>, so that an await comes back to it wherever it was completed. Nothing on it may block:
/// every connection of the loop would wait.
/// Linux only (epoll).
/// </remarks>
[SuppressMessage("Reliability", "CA1001", Justification = "The thread closes what it has when it ends.")]
public sealed class EventLoop
{
    private const int MostEvents = 256;
    private const ulong WakerData = ulong.MaxValue;

    [ThreadStatic]
    private static EventLoop? _current;

    private readonly int _epoll = LinuxSockets.CreateEpoll();
    // A handle: a thread that posts must not write to whatever has the descriptor's number by then.
    private readonly SafeFileHandle _waker = LinuxSockets.CreateWaker();
    private readonly ConcurrentQueue<Work> _posted = new();
    private readonly byte[] _events = new byte[MostEvents * LinuxSockets.EventBytes];
    private readonly Thread _thread;

    // Of the loop's thread. A place's generation tells an event of its present owner from one of the owner before.
    private readonly List<(ILoopSocket? Owner, uint Generation)> _places = [];
    private readonly Stack<int> _freePlaces = new();

    private EventLoop[] _group = [];
    private int _isAsleep;

    // Of the loop's thread: sockets that are ready and have not had their turn.
    private int _ready;
    private long _movedAway;
    private volatile bool _isStopping;
    private volatile bool _isStopped;

    /// <summary>Starts the thread.</summary>
    /// <param name="index">Which of its group's loops it is, from 0.</param>
    public EventLoop(int index)
    {
        Index = index;
        Scheduler = new LoopScheduler(this);
        LinuxSockets.Watch(_epoll, (int)_waker.DangerousGetHandle(), WakerData);
        _thread = new Thread(Run) { IsBackground = true, Name = $"loop {index}" };
        _thread.Start();
    }

    /// <summary>The loop whose thread this is; null on any other thread.</summary>
    public static EventLoop? Current => _current;

    /// <summary>Which of its group's loops it is, from 0.</summary>
    public int Index { get; }

    /// <summary>How many times a socket has moved from it to another loop.</summary>
    public long MovedAway => Volatile.Read(ref _movedAway);

    /// <summary>Runs pipes' continuations on the loop: at once if already there.</summary>
    public PipeScheduler Scheduler { get; }

    /// <summary>Runs <paramref name="callback"/> on the loop, soon; from any thread.</summary>
    public void Post(SendOrPostCallback callback, object? state)
    {
        if (_isStopped)
        {
            ThreadPool.UnsafeQueueUserWorkItem(static work => work.Callback(work.State), new Work(callback, state), preferLocal: false);
            return;
        }

        _posted.Enqueue(new Work(callback, state));
        if (_current == this)
        {
            return;
        }

        // Either the loop sees the work before it sleeps, or this sees that it sleeps.
        Interlocked.MemoryBarrier();
        if (Volatile.Read(ref _isAsleep) == 1 && Interlocked.Exchange(ref _isAsleep, 0) == 1)
        {
            LinuxSockets.Wake(_waker);
        }

        if (_isStopped)
        {
            RunPosted();
        }
    }

    /// <summary>Awaiting this goes on on the loop.</summary>
    public Entry EnterAsync() => new(this);

    /// <summary>Another loop of the group that sleeps while ready sockets wait for their turn here; null when there is none. On the loop only.</summary>
    public EventLoop? FindRelief()
    {
        if (_ready == 0)
        {
            return null;
        }

        for (var step = 1; step < _group.Length; step++)
        {
            var other = _group[(Index + step) % _group.Length];
            if (Volatile.Read(ref other._isAsleep) == 1)
            {
                return other;
            }
        }

        return null;
    }

    /// <summary>Ends the thread, closing what sockets it still has. What is posted afterwards runs on the thread pool.</summary>
    public void Stop()
    {
        _isStopping = true;
        Post(static _ => { }, null);
        if (_current != this)
        {
            _thread.Join();
        }
    }

    /// <summary>Makes it one of several that may help each other; before it has any sockets.</summary>
    internal void BelongTo(EventLoop[] group) => _group = group;

    /// <summary>Watches a socket for as long as it is open. On the loop only. Returns its place, to be given back.</summary>
    internal int Join(ILoopSocket owner, int descriptor)
    {
        if (!_freePlaces.TryPop(out var place))
        {
            place = _places.Count;
            _places.Add(default);
        }

        var generation = _places[place].Generation + 1;
        _places[place] = (owner, generation);
        LinuxSockets.Watch(_epoll, descriptor, ((ulong)generation << 32) | (uint)place);
        return place;
    }

    /// <summary>Forgets a socket. On the loop only.</summary>
    internal void Leave(int place)
    {
        _places[place] = (null, _places[place].Generation);
        _freePlaces.Push(place);
    }

    /// <summary>Forgets a socket that goes on on another loop. On the loop only.</summary>
    internal void Leave(int place, int descriptor)
    {
        LinuxSockets.Unwatch(_epoll, descriptor);
        Leave(place);
        Volatile.Write(ref _movedAway, _movedAway + 1);
    }

    /// <summary>Ends the watching of a descriptor that stays open.</summary>
    internal void Unwatch(int descriptor) => LinuxSockets.Unwatch(_epoll, descriptor);

    private void Run()
    {
        _current = this;
        SynchronizationContext.SetSynchronizationContext(new LoopContext(this));
        while (!_isStopping)
        {
            Interlocked.Exchange(ref _isAsleep, 1);
            var count = LinuxSockets.Wait(_epoll, _events, _posted.IsEmpty ? -1 : 0);
            Volatile.Write(ref _isAsleep, 0);
            for (var at = 0; at < count; at++)
            {
                _ready = count - at - 1;
                var (what, data) = LinuxSockets.EventAt(_events, at);
                if (data == WakerData)
                {
                    continue;
                }

                var (owner, generation) = _places[(int)(uint)data];
                if (generation == (uint)(data >> 32))
                {
                    owner?.OnReady(what);
                }
            }

            RunPosted();
        }

        CloseAll();
    }

    private void RunPosted()
    {
        // What is posted meanwhile has its turn after the sockets'.
        for (var left = _posted.Count; left > 0 && _posted.TryDequeue(out var work); left--)
        {
            work.Callback(work.State);
        }
    }

    private void CloseAll()
    {
        for (var place = 0; place < _places.Count; place++)
        {
            _places[place].Owner?.OnStop();
        }

        while (!_posted.IsEmpty)
        {
            RunPosted();
        }

        // From here on others run what they post; what came in between is run by whoever comes first.
        _isStopped = true;
        _current = null;
        SynchronizationContext.SetSynchronizationContext(null);
        RunPosted();
        LinuxSockets.CloseDescriptor(_epoll);
        _waker.Dispose();
    }

    /// <summary>Goes on on a loop.</summary>
    public readonly struct Entry(EventLoop loop) : ICriticalNotifyCompletion
    {
        /// <summary>Whether this is the loop already.</summary>
        public bool IsCompleted => _current == loop;

        /// <summary>What an await asks for.</summary>
        public Entry GetAwaiter() => this;

        /// <summary>Nothing comes of it.</summary>
        public void GetResult()
        {
        }

        /// <inheritdoc/>
        public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

        /// <inheritdoc/>
        public void UnsafeOnCompleted(Action continuation) => loop.Post(static next => ((Action)next!)(), continuation);
    }

    private readonly record struct Work(SendOrPostCallback Callback, object? State);

    private sealed class LoopScheduler(EventLoop loop) : PipeScheduler
    {
        public override void Schedule(Action<object?> action, object? state)
        {
            if (_current == loop)
            {
                action(state);
                return;
            }

            loop.Post(static work => ((Scheduled)work!).Run(), new Scheduled(action, state));
        }

        private sealed record Scheduled(Action<object?> Action, object? State)
        {
            public void Run() => Action(State);
        }
    }

    private sealed class LoopContext(EventLoop loop) : SynchronizationContext
    {
        public override SynchronizationContext CreateCopy() => this;

        public override void Post(SendOrPostCallback d, object? state) => loop.Post(d, state);

        public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException("Nobody may wait for an event loop.");
    }
}

/// <summary>What a loop watches.</summary>
internal interface ILoopSocket
{
    /// <summary>Something can be done now that could not before, in epoll's words. On the loop.</summary>
    void OnReady(uint what);

    /// <summary>The loop ends. On the loop.</summary>
    void OnStop();
}
