using System.Buffers;
using Microsoft.Extensions.Logging.Abstractions;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;
using Tollgate.Proxy.Recording.Folds;
using Tollgate.Proxy.Recording.Spool;

namespace Tollgate.Proxy.Tests.Recording.Spool;

/// <summary>Something that is wrong on purpose, to see whether a schedule notices.</summary>
internal enum Mutant
{
    None,
    DirectoryNeverSynced,
    FilesNeverSynced,
    SyncStartsLeftOut,
    FailedSyncsHidden,
    MappingsPrivate,
    ChecksumsIgnored,
    NothingRewritten,
    SentBeforeDurable,
    AcknowledgedBeforeStored,
    LateInsertsNotAbandoned,
    ClosedTwice,
    ClosedWithoutRow,
}

/// <summary>A run of one spool through random events, held to a list of attempts.</summary>
/// <remarks>
/// One seed, one run: clients, commits, steps of the real sender, a store that misbehaves, kills and power cuts at any call of the file system, disk
/// errors. At the end everything is well again and the spool is drained; then the store must hold what <see cref="ModelAttempt"/> says.
/// </remarks>
internal sealed class SpoolSchedule : IDisposable
{
    private const int RowFormat = 1;
    private static readonly GatewayEvents Events = new(new GatewayMetrics(new MetricsOptions()), NullLogger<GatewayEvents>.Instance);

    private readonly Random _random;
    private readonly ModelDisk _disk;
    private readonly ModelStore _store;
    private readonly SpoolSettings _settings;
    private readonly RecordingOptions _options;
    private readonly Mutant _mutant;
    private readonly bool _hasErrors;
    private readonly bool _hasCuts;
    private readonly bool _hasBadStore;
    private readonly List<string> _log = [];
    private readonly Dictionary<Guid, ModelAttempt> _attempts = [];

    // The present process.
    private DateTimeOffset _now = new(2026, 9, 1, 0, 0, 0, TimeSpan.Zero);
    private ModelFiles _files = null!;
    private UsageSpool _spool = null!;
    private UsageSender _sender = null!;
    private SteppedSender _steps = null!;
    private Stop _stop = null!;
    private (Segment Segment, int Offset, byte[] Tag, ModelAttempt Attempt)? _suspended;

    public SpoolSchedule(int seed, Mutant mutant = Mutant.None)
    {
        _random = new Random(seed);
        _mutant = mutant;
        _disk = new ModelDisk(_random)
        {
            ForgetsNames = mutant == Mutant.DirectoryNeverSynced,
            ForgetsSyncs = mutant == Mutant.FilesNeverSynced,
            ForgetsSyncStarts = mutant == Mutant.SyncStartsLeftOut,
            HidesFailedSyncs = mutant == Mutant.FailedSyncsHidden,
            HasPrivateMappings = mutant == Mutant.MappingsPrivate,
            ForgetsRewrites = mutant == Mutant.NothingRewritten,
            RepairsChecksums = mutant == Mutant.ChecksumsIgnored,
        };
        _store = new ModelStore(id => _attempts[id].IsWrong);
        var segmentBytes = _random.Next(3) switch { 0 => 4096, 1 => 8192, _ => 16384 };
        _settings = new SpoolSettings(segmentBytes, segmentBytes * (long)Pick(6, 8, 16, 64), RowFormat);
        _options = new RecordingOptions { BatchRows = Pick(1, 3, 8, 40) };
        _hasCuts = _random.Next(3) > 0;
        _hasErrors = _random.Next(3) == 0 || mutant is Mutant.FailedSyncsHidden or Mutant.NothingRewritten;
        _hasBadStore = _random.Next(3) > 0;
    }

    /// <summary>What happened, newest last.</summary>
    public IReadOnlyList<string> Log => _log;

    /// <summary>Processes that ran.</summary>
    public int Processes { get; private set; }

    /// <summary>Rows that were delivered or put aside.</summary>
    public int Delivered { get; private set; }

    public void Run()
    {
        Note($"segments of {_settings.SegmentBytes}, at most {_settings.MaxBytes}, batches of {_options.BatchRows}");
        Note($"errors {_hasErrors}, cuts {_hasCuts}, bad store {_hasBadStore}");
        Restart(isCalm: false);
        for (var left = _random.Next(30, 250); left > 0; left--)
        {
            try
            {
                Act();
            }
            catch (ProcessKilledException)
            {
            }

            if (_files.IsDead)
            {
                Crash();
            }
        }

        Drain();
        Check();
    }

    public void Dispose()
    {
        _sender?.Dispose();
        _spool?.Dispose();
        _files?.Dispose();
    }

    private void Act()
    {
        switch (_random.Next(100))
        {
            case < 22:
                Begin();
                break;
            case < 34:
                Draft(PickOpen());
                break;
            case < 52:
                Close(PickOpen());
                break;
            case < 58:
                Note("commit");
                _spool.Commit();
                break;
            case < 86:
                Step(isWell: !_hasBadStore);
                break;
            case < 89:
                _disk.WriteBack();
                break;
            case < 91:
                _store.Land(_random);
                break;
            case < 93:
                Suspend();
                break;
            case < 94:
                Resume();
                break;
            case < 96:
                _files.CallsToDeath = _random.Next(12);
                break;
            case < 97:
                Crash();
                break;
            case < 99 when _hasErrors:
                _files.CallsToError = _random.Next(12);
                break;
            default:
                for (var rows = _random.Next(40); rows > 0; rows--)
                {
                    Begin();
                    Close(PickOpen());
                }

                break;
        }
    }

    private void Begin()
    {
        var attempt = new ModelAttempt(NewId(), _random.Next(40) == 0) { Open = _spool.Begin() };
        _attempts.Add(attempt.Id, attempt);
        Draft(attempt);
    }

    private void Draft(ModelAttempt? attempt)
    {
        if (attempt is not null)
        {
            var row = attempt.NextRow(_random);
            var isWritten = _spool.TryDraft(attempt.Open!, row);
            Note($"draft {attempt} {isWritten} at {Tail()}");
            if (isWritten)
            {
                attempt.Add(row, Tail());
            }
        }
    }

    private void Close(ModelAttempt? attempt)
    {
        if (attempt is null)
        {
            return;
        }

        var row = attempt.NextRow(_random);
        var isWritten = _mutant == Mutant.ClosedWithoutRow && _random.Next(20) == 0 || _spool.TryClose(attempt.Open!, row, _now.ToUnixTimeMilliseconds(), out _);
        if (_mutant == Mutant.ClosedTwice && _random.Next(20) == 0)
        {
            _spool.TryClose(_spool.Begin(), row, _now.ToUnixTimeMilliseconds(), out _);
        }

        if (!isWritten)
        {
            _spool.NoteFolded(attempt.Open!, SpooledRow.AttemptKeyOf(row));
            _spool.End(attempt.Open!);
        }

        attempt.Open = null;
        Note($"close {attempt} {isWritten} at {Tail()}");
        if (isWritten)
        {
            attempt.Add(row, Tail());
        }
        else
        {
            attempt.IsFolded = true;
        }
    }

    /// <summary>A thread that has taken room for a row and copied it, and does not get to publish it.</summary>
    private void Suspend()
    {
        if (_suspended is not null || _spool.Segments.Count == 0 || _spool.Segments[^1] is not { IsSealed: false } active)
        {
            return;
        }

        var attempt = new ModelAttempt(NewId(), false);
        var row = attempt.NextRow(_random);
        if (active.TryAppend(SpoolRecordKind.Row, BitConverter.GetBytes(_now.ToUnixTimeMilliseconds()), row, out var offset))
        {
            _attempts.Add(attempt.Id, attempt);
            Note($"suspended at {offset}");
            var pages = _disk.Names[SegmentHeader.NameOf(active.Index)].Pages.AsSpan(offset);
            _suspended = (active, offset, pages[..4].ToArray(), attempt);
            pages[..4].Clear();
            if (_random.Next(2) == 0)
            {
                pages[_random.Next(4, 8 + row.Length)..(8 + row.Length)].Clear();
                _suspended = _suspended.Value with { Tag = [] };
            }

            attempt.Add(row, new SpoolPosition(active.Index, offset + SpoolRecord.SizeOf(row.Length + 8)));
            attempt.IsUnpublished = true;
        }
    }

    private void Resume()
    {
        if (_suspended is { Tag.Length: > 0 } suspended)
        {
            Note("resumed");
            suspended.Tag.CopyTo(_disk.Names[SegmentHeader.NameOf(suspended.Segment.Index)].Pages.AsSpan(suspended.Offset));
            suspended.Attempt.IsUnpublished = false;
            _suspended = null;
        }
    }

    /// <summary>Lets the sender do what it waits for.</summary>
    private void Step(bool isWell)
    {
        Note($"step {_stop.What}");
        switch (_stop)
        {
            case Stop.Commit commit:
                _spool.Commit();
                commit.Done.SetResult();
                break;
            case Stop.Durable durable:
                _spool.Commit();
                if (_spool.Durable < durable.Position)
                {
                    return;
                }

                durable.Done.SetResult();
                break;
            case Stop.Write write when _mutant == Mutant.AcknowledgedBeforeStored && _random.Next(5) == 0:
                _store.WriteLater(write.Batch, write.Done);
                break;
            case Stop.Write write when isWell || _random.Next(2) == 0:
                _store.Write(write.Batch, write.Done);
                break;
            case Stop.Write write:
                _store.WriteBadly(write.Batch, write.Done, _random);
                break;
            case Stop.Abandon abandon when isWell || _random.Next(4) > 0:
                if (_mutant != Mutant.LateInsertsNotAbandoned)
                {
                    _store.Abandon();
                }

                abandon.Done.SetResult();
                break;
            case Stop.Abandon abandon:
                abandon.Done.SetException(new UsageSinkException("away", SinkFault.Ambiguous));
                break;
            case Stop.Find find when isWell || _random.Next(4) > 0:
                find.Done.SetResult(_store.Find(find.First, find.Last));
                break;
            case Stop.Find find:
                find.Done.SetException(new IOException("away"));
                break;
            case Stop.Register register when isWell || _random.Next(4) > 0:
                register.Done.SetResult();
                break;
            case Stop.Register register:
                register.Done.SetException(new UsageSinkException("away", SinkFault.Setup));
                break;
            case Stop.Delay delay:
                delay.Fire();
                break;
        }

        _stop = _steps.Next();
    }

    private void Crash()
    {
        if (_stop is Stop.Write write)
        {
            _store.Orphan(write.Batch, _random);
        }

        var isCut = _hasCuts && _random.Next(2) == 0;
        Note($"{(isCut ? "power cut" : "killed")}, durable to {_spool.Durable}");
        Lose(isCut);
        Restart(isCalm: false);
    }

    private void Lose(bool isCut)
    {
        foreach (var attempt in _attempts.Values)
        {
            attempt.Lose(isCut, _spool?.Durable ?? default);
        }

        _suspended = null;
        if (isCut)
        {
            _disk.CutPower();
        }
        else
        {
            _disk.Kill();
        }
    }

    private void Restart(bool isCalm)
    {
        DeadLetters deadLetters;
        while (true)
        {
            Processes++;
            _now += TimeSpan.FromSeconds(1);
            _files = new ModelFiles(_disk, _random)
            {
                Log = Note,
                CallsToDeath = !isCalm && _random.Next(4) == 0 ? _random.Next(40) : null,
                CallsToError = !isCalm && _hasErrors && _random.Next(6) == 0 ? _random.Next(40) : null,
            };
            _spool = null!;
            _steps = new SteppedSender(_now) { IsHasty = _mutant == Mutant.SentBeforeDurable };
            try
            {
                _spool = UsageSpool.Open(_files, _settings, Events, _steps);
                deadLetters = new DeadLetters(_files);
                break;
            }
            catch (Exception failed) when (failed is ProcessKilledException or SpoolFileException)
            {
                var isCut = _hasCuts && _random.Next(2) == 0;
                Note($"  start ended, then {(isCut ? "power cut" : "killed")}: {failed.Message}");
                Lose(isCut);
            }
        }

        Note($"started {Processes}: {string.Join(' ', _spool.Segments.Select(static segment => segment.Index))}, {_spool.Cursor}");
        var (death, error) = (_files.CallsToDeath, _files.CallsToError);
        (_files.CallsToDeath, _files.CallsToError) = (null, null);
        Observe();
        (_files.CallsToDeath, _files.CallsToError) = (death, error);
        _sender = new UsageSender(_spool, _steps, _steps, new ModelRowFormat(), FoldTable.Open(new FailingFiles(), Events), deadLetters, _options, _steps, Events, "gw");
        _sender.StartAsync(CancellationToken.None);
        _stop = _steps.Next();
    }

    /// <summary>Sees what recovery has made of the attempts, which holds from now on.</summary>
    private void Observe()
    {
        if (_files.Errors > 0 || _spool.Problem is not null)
        {
            return;
        }

        var rows = new Dictionary<Guid, byte[]>();
        var reader = new SpoolReader(_spool);
        reader.Seek(_spool.Cursor.Acknowledged);
        while (reader.TryRead(null, out var row, out _))
        {
            Assert.True(rows.TryAdd(ModelStore.AttemptOf(row), row.ToArray()), "an attempt has two rows in the spool");
        }

        foreach (var row in Settled())
        {
            rows.TryAdd(ModelStore.AttemptOf(row), row);
        }

        foreach (var attempt in _attempts.Values)
        {
            attempt.Observe(rows.GetValueOrDefault(attempt.Id), _spool.Durable);
        }
    }

    private void Drain()
    {
        Resume();
        if (_suspended is not null || _files.Errors > 0 || _random.Next(2) == 0)
        {
            Note("last kill");
            _files.CallsToDeath = _files.CallsToError = null;
            if (_stop is Stop.Write write)
            {
                _store.Orphan(write.Batch, _random);
            }

            Lose(isCut: false);
            Restart(isCalm: true);
        }

        _files.CallsToDeath = _files.CallsToError = null;
        SendAll();

        // Attempts that stay open keep nothing but their drafts.
        Assert.False(_spool.IsFull, $"drafts of open attempts fill the spool: {_spool.Problem}");
        foreach (var attempt in _attempts.Values.Where(static attempt => attempt.Open is not null))
        {
            Close(attempt);
        }

        SendAll();
        _store.Land(_random);
    }

    private void SendAll()
    {
        var idle = 0;
        for (var steps = 0; idle < 5; steps++)
        {
            Assert.True(steps < 20_000, $"the sender does not come to an end: {_stop.What}, problem {_spool.Problem ?? _sender.Problem}");
            idle = _stop is Stop.Delay && _sender.PendingRows == 0 ? idle + 1 : _stop is Stop.Commit or Stop.Delay ? idle : 0;
            Step(isWell: true);
        }
    }

    private void Check()
    {
        var settled = new Dictionary<Guid, byte[]>();
        var numbers = new SortedSet<ulong>();
        foreach (var row in Settled())
        {
            // A row may be in the store and among the dead letters, when the store changed its mind: under one number then.
            var id = ModelStore.AttemptOf(row);
            Assert.True(settled.TryAdd(id, row) || settled[id].AsSpan().SequenceEqual(row), $"{_attempts[id]} has two rows");
            numbers.Add(SpooledRow.SequenceOf(row));
        }

        foreach (var attempt in _attempts.Values)
        {
            attempt.Check(settled.GetValueOrDefault(attempt.Id));
        }

        Delivered = settled.Count;
        Assert.Equal(_sender.AcknowledgedSequence - _sender.FirstSequence + 1, (ulong)numbers.Count);
        if (numbers.Count > 0)
        {
            Assert.Equal(_sender.FirstSequence, numbers.Min);
            Assert.Equal(_sender.AcknowledgedSequence, numbers.Max);
        }

        Assert.InRange(_spool.Segments.Count, 0, 2);
        Assert.InRange(_disk.Names.Keys.Count(static name => SegmentHeader.TryReadName(name, out _)), 0, 2 + UsageSpool.ReserveSegments + 1);
    }

    /// <summary>Rows in the store and dead letters.</summary>
    private IEnumerable<byte[]> Settled() =>
        _store.Rows.Values.Concat(_disk.Names.Where(static name => DeadLetters.IsName(name.Key)).Select(static file => DeadLetters.Read(file.Value.Pages).Row.ToArray()));

    private ModelAttempt? PickOpen()
    {
        var open = _attempts.Values.Where(static attempt => attempt.Open is not null).ToArray();
        return open.Length == 0 ? null : open[_random.Next(open.Length)];
    }

    private SpoolPosition Tail() => _spool.Segments.Count == 0 ? default : new SpoolPosition(_spool.Segments[^1].Index, _spool.Segments[^1].Tail);

    private Guid NewId() => new(_attempts.Count + 1, 0, 0, new byte[8]);

    private int Pick(params ReadOnlySpan<int> choices) => choices[_random.Next(choices.Length)];

    private void Note(string line) => _log.Add(line);

    private sealed class ModelRowFormat : IRowFormat
    {
        public int Version => RowFormat;

        public void Write(IBufferWriter<byte> output, UsageRow row) => throw new NotSupportedException();

        public Guid ReadAttemptId(ReadOnlySpan<byte> sixteenBytes) => new(sixteenBytes);
    }
}
