using System.Net;
using Tollgate.Admin;
using Tollgate.Budgets;
using Tollgate.ClickHouse;
using Tollgate.ClickHouse.Spend;
using Tollgate.Configuration;
using Tollgate.Control;
using Tollgate.Proxy;
using Tollgate.Proxy.Admission;
using Tollgate.Proxy.Configuration;
using Tollgate.Proxy.EventLoops;
using Tollgate.Proxy.Metrics;
using Tollgate.Proxy.Recording;
using Tollgate.Webhooks;

namespace Tollgate.Hosting;

/// <summary>Everything that runs, in the order in which it starts; it stops in the opposite order.</summary>
/// <remarks>
/// Start: the spool, so that no request goes unrecorded; the listeners; then the store, the migrations and the sender. A store that is late or away
/// only makes rows wait. Stop: the proxy drains first, so that the last rows are in the spool before the sender ends, and the store goes last.
/// </remarks>
internal sealed class Gateway : IAsyncDisposable
{
    // A few times what a busy gateway has in flight; past that a row is made anew.
    private const int PooledRows = 4096;

    // For scrapes that are under way when everything else has ended.
    private static readonly TimeSpan AdminStopTimeout = TimeSpan.FromSeconds(2);

    // The sender would only be told that there is no table yet. With a store that is away it begins all the same, and tells of it.
    private static readonly TimeSpan SchemaPatience = TimeSpan.FromSeconds(5);

    private readonly TollgateOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly StoreSystem? _storeSystem;
    private readonly StoreSupervisor? _supervisor;
    private readonly StoreClient? _store;
    private readonly StoreMigration? _migration;
    private readonly UsageRecording? _recording;
    private readonly LedgerKeeper? _keeper;
    private readonly PriceKeeper? _priceKeeper;
    private readonly AdmissionBook _book;
    private readonly SpendReader? _spendReader;
    private readonly BudgetWatch _budgetWatch;
    private readonly BudgetRecorder? _budgetRecorder;
    private readonly BudgetHistory? _budgetHistory;
    private readonly WebhookClient _webhookClient;
    private readonly WebhookSender _webhooks;
    private readonly ControlWatch _controlWatch;
    private readonly Drain _drain;
    private readonly EventLoopGroup? _loops;
    private readonly ConfigurationWatcher _watcher;
    private readonly WebApplication _admin;
    private readonly WebApplication _proxy;
    private readonly string? _madeAdminToken;

    /// <summary>Joins the parts; starts nothing.</summary>
    /// <param name="configuration">What was read; valid.</param>
    /// <param name="loader">Reads it again when it changes.</param>
    /// <param name="control">What is edited while the gateway runs; the caller's to close, after this.</param>
    /// <param name="loggers">Where log lines go.</param>
    /// <param name="time">The clock.</param>
    public Gateway(ConfigurationResult configuration, ConfigurationLoader loader, ControlStore control, ILoggerFactory loggers, TimeProvider time)
    {
        _options = configuration.Options!;
        _loggers = loggers;
        var metrics = new GatewayMetrics(_options.Metrics);
        var events = new GatewayEvents(metrics, loggers.CreateLogger<GatewayEvents>());
        var gatewayId = GatewayIdentity.ReadOrCreate(_options.Storage.DataDirectory);
        var rows = new UsageRowPool(PooledRows);

        if (_options.Storage.Mode != StorageMode.None)
        {
            _store = StoreAccess.Open(_options.Storage);
            _migration = new StoreMigration(_store, _options.Storage.Cluster, time, loggers);
            _recording = UsageRecording.Open(
                SpoolDirectory.Of(_options.Storage),
                _options.Spool,
                _options.Recording,
                new RowBinaryFormat(),
                new ClickHouseUsageSink(_store, gatewayId, time),
                gatewayId,
                time,
                events);
            _keeper = new LedgerKeeper(_store, _migration, _recording, gatewayId, metrics, time, loggers.CreateLogger<LedgerKeeper>());
        }

        if (_options.Storage.Mode == StorageMode.Embedded)
        {
            _storeSystem = new StoreSystem(_options.Storage, AppContext.BaseDirectory, loggers.CreateLogger<StoreSystem>());
            _supervisor = new StoreSupervisor(_storeSystem, _options.Storage.Listen, time, loggers.CreateLogger<StoreSupervisor>());
        }

        _book = new AdmissionBook(time, _recording is null ? null : () => _recording.Recorder.Tail) { Journal = _store is null ? null : new BudgetJournal() };
        if (_store is not null)
        {
            _budgetRecorder = new BudgetRecorder(_book.Journal!, control.BudgetEvents, time, loggers.CreateLogger<BudgetRecorder>());
            _budgetHistory = new BudgetHistory(control.BudgetEvents, new BudgetEventsTable(_store, time), control, _book, time, loggers.CreateLogger<BudgetHistory>());
        }

        AdmissionGauges.Publish(_book, metrics);
        _webhookClient = new WebhookClient(new AddressGuard([.. _options.Webhooks.AllowNetworks.Select(static network => IPNetwork.Parse(network))]), time);
        _webhooks = new WebhookSender(control, control.Deliveries, _webhookClient, time, loggers.CreateLogger<WebhookSender>());
        _budgetWatch = new BudgetWatch(_book, events, _webhooks.NotifyAsync);
        _spendReader = _recording is null
            ? null
            : new SpendReader(_book, _recording.WhenDeliveredAsync, new LedgerSpend(_store!, gatewayId, time), time, events);

        var configured = new Configured(_options, PriceFile.Load(_options.Prices), _book, events);
        var worlds = configured.Worlds;
        _priceKeeper = _store is null ? null : new PriceKeeper(_store, _migration!, worlds, time, loggers.CreateLogger<PriceKeeper>());
        _controlWatch = new ControlWatch(control, configured.ApplyAsync, time, loggers.CreateLogger<ControlWatch>());
        _watcher = new ConfigurationWatcher(
            loader, configuration, (next, stopping) => ReloadAsync(next, configured, control, stopping), time, loggers.CreateLogger<ConfigurationWatcher>());
        _drain = new Drain(time);
        var sockets = InheritedSockets.OfThisProcess();
        _loops = _options.Proxy.Transport == ProxyTransport.Loops && EventLoopGroup.IsSupported
            ? new EventLoopGroup(_options.Proxy.EventLoops is 0 ? EventLoopGroup.DefaultCount : _options.Proxy.EventLoops)
            : null;
        _proxy = Listeners.Proxy(_options.Proxy, loggers, new RequestPath(worlds, _recording?.Recorder, rows, _book, events, time, gatewayId, _drain.Cut), _drain, sockets, _loops, time);
        var adminToken = AdminApi.TokenOf(_options.Admin);
        _madeAdminToken = _options.Admin.Token.Length == 0 ? adminToken : null;
        var api = new AdminApi(_options.Admin, adminToken, () => [.. worlds.Current.Options.Upstreams.Keys], control, control.Sessions, _book, time, loggers);
        _admin = Listeners.Admin(_options.Admin, _options.Proxy.Certificate, loggers, new AdminEndpoints(metrics, new Readiness(_drain, _supervisor, _migration, _store, _recording)), api, sockets);
    }

    /// <summary>Starts everything, and listens.</summary>
    /// <exception cref="StoreUnavailableException">The embedded store can't be had at all.</exception>
    /// <exception cref="IOException">An address is taken.</exception>
    public async Task StartAsync(CancellationToken cancellation)
    {
        // First: a key that was revoked must not be let in for a moment, nor a budget be missed.
        await _controlWatch.StartAsync(CancellationToken.None);
        await _admin.StartAsync(cancellation);
        await _proxy.StartAsync(cancellation);

        // No token for background services: they keep it and would end with it, before the proxy has drained; StopAsync ends them in order.
        if (_supervisor is not null)
        {
            await _supervisor.StartAsync(CancellationToken.None);
            await _supervisor.WaitUntilReadyAsync(cancellation);
        }

        if (_migration is not null && _recording is not null)
        {
            await _migration.StartAsync(CancellationToken.None);
            await _migration.WaitAsync(SchemaPatience, cancellation);
            await _recording.StartAsync(CancellationToken.None);
            await _spendReader!.StartAsync(CancellationToken.None);
            await _keeper!.StartAsync(CancellationToken.None);
            await _priceKeeper!.StartAsync(CancellationToken.None);
            await _budgetRecorder!.StartAsync(CancellationToken.None);
            await _budgetHistory!.StartAsync(CancellationToken.None);
        }

        await _budgetWatch.StartAsync(CancellationToken.None);
        await _webhooks.StartAsync(CancellationToken.None);
        await _watcher.StartAsync(CancellationToken.None);
    }

    /// <summary>Drains and ends everything. <paramref name="hurry"/> cuts what still streams; its rows are kept all the same.</summary>
    public async Task StopAsync(CancellationToken hurry)
    {
        // Before anything takes time: whoever watches readiness sees the stop first.
        _drain.Begin();
        await _watcher.StopAsync(CancellationToken.None);
        await _drain.StopAsync(_proxy, _options.Proxy.DrainTimeout, hurry);
        if (_recording is not null && _migration is not null)
        {
            await _priceKeeper!.StopAsync(CancellationToken.None);
            await _keeper!.StopAsync(CancellationToken.None);
            await _spendReader!.StopAsync(CancellationToken.None);
            await _recording.StopAsync(hurry);
            await _budgetRecorder!.StopAsync(CancellationToken.None);
            await _budgetHistory!.StopAsync(CancellationToken.None);
            await _migration.StopAsync(CancellationToken.None);
        }

        await _budgetWatch.StopAsync(CancellationToken.None);
        await _webhooks.StopAsync(CancellationToken.None);
        await _controlWatch.StopAsync(CancellationToken.None);
        using var late = new CancellationTokenSource(AdminStopTimeout);
        await _admin.StopAsync(late.Token);
        if (_supervisor is not null)
        {
            await _supervisor.StopAsync(CancellationToken.None);
        }
    }

    /// <summary>What a person needs to know once it runs.</summary>
    public string Banner() => StartBanner.Write(_options, _proxy.Urls, _admin.Urls, _madeAdminToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _loops?.Dispose();
        await _admin.DisposeAsync();
        _drain.Dispose();
        _watcher.Dispose();
        _keeper?.Dispose();
        _priceKeeper?.Dispose();
        _spendReader?.Dispose();
        _budgetRecorder?.Dispose();
        _budgetHistory?.Dispose();
        _budgetWatch.Dispose();
        _webhooks.Dispose();
        _webhookClient.Dispose();
        _controlWatch.Dispose();
        _recording?.Dispose();
        _migration?.Dispose();
        _supervisor?.Dispose();
        _storeSystem?.Dispose();
        _store?.Dispose();
    }

    private async Task ReloadAsync(TollgateOptions next, Configured configured, ControlStore control, CancellationToken stopping)
    {
        var prices = PriceFile.Load(next.Prices);
        await control.SetDeclaredAsync(next, stopping);
        configured.Replace(next, prices);
        try
        {
            await _controlWatch.RefreshAsync(stopping);
        }
        catch (ControlUnavailableException)
        {
            // It is in force all the same, over what the store said last; the watch has told of it.
        }
    }
}
