-- ===== bootstrap =====
-- Run before every migration, on every start: the database, and the table that remembers which migrations ran.
-- Keyed by version and checksum, so that two binaries with different texts for one version are both remembered and found out.
CREATE DATABASE IF NOT EXISTS tollgate;

CREATE TABLE IF NOT EXISTS tollgate.schema_migrations
(
  version    UInt32,
  name       String,
  checksum   FixedString(32),
  applied_at DateTime64(3,'UTC') DEFAULT now64(3),
  applied_by String
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY (version, checksum);

-- ===== 0001_requests =====
-- The ledger: one row per attempt upstream. The truth that every other figure is computed from.
-- Time comes second in the key, because every reader wants the newest of one customer. A UUID sorts by its second half, so it comes last.
-- Replacing is the last defence against a row sent twice; the insert's deduplication token is the first.
-- tenant, ttft_ms and gateway_us are other names for stored columns; materialized views read the stored ones.
CREATE TABLE IF NOT EXISTS tollgate.requests
(
  ts                  DateTime64(3,'UTC') CODEC(Delta(8), ZSTD(1)),
  request_id          UUID CODEC(ZSTD(1)),
  attempt_id          UUID CODEC(ZSTD(1)),
  gateway_id          LowCardinality(String),
  wal_seq             UInt64 CODEC(Delta(8), ZSTD(1)),
  customer            LowCardinality(String),
  team                LowCardinality(String),
  project             LowCardinality(String),
  developer           LowCardinality(String),
  key_id              LowCardinality(String),
  session_id          String CODEC(ZSTD(1)),
  agent_id            String DEFAULT '' CODEC(ZSTD(1)),
  parent_agent_id     String DEFAULT '' CODEC(ZSTD(1)),
  agent_kind          LowCardinality(String) DEFAULT '',
  prompt_id           String DEFAULT '' CODEC(ZSTD(1)),
  request_class       LowCardinality(String) DEFAULT '',
  client              LowCardinality(String),
  provider            LowCardinality(String),
  endpoint            LowCardinality(String),
  model_requested     LowCardinality(String),
  model               LowCardinality(String),
  fallback_from       LowCardinality(String) DEFAULT '',
  service_tier        LowCardinality(String) DEFAULT '',
  inference_geo       LowCardinality(String) DEFAULT '',
  is_stream           Bool,
  is_batch            Bool DEFAULT false,
  is_fast             Bool DEFAULT false,
  http_status         UInt16 CODEC(T64, ZSTD(1)),
  outcome             Enum8('unknown'=0,'completed'=1,'upstream_error'=2,'error_event'=3,'upstream_truncated'=4,'upstream_stalled'=5,
                            'client_aborted'=6,'client_stalled'=7,'incomplete'=8,'crashed'=9,'refused'=10,'unreachable'=11),
  error_type          LowCardinality(String) DEFAULT '',
  stop_reason         LowCardinality(String) DEFAULT '',
  attempts            UInt8 DEFAULT 1,
  usage_source        Enum8('none'=0,'final'=1,'partial'=2,'estimated'=3),
  input_tokens        UInt32 CODEC(T64, ZSTD(1)),
  output_tokens       UInt32 CODEC(T64, ZSTD(1)),
  cache_read_tokens   UInt32 CODEC(T64, ZSTD(1)),
  cache_w5m_tokens    UInt32 CODEC(T64, ZSTD(1)),
  cache_w1h_tokens    UInt32 CODEC(T64, ZSTD(1)),
  thinking_tokens     UInt32 CODEC(T64, ZSTD(1)),
  server_tool_uses    UInt16 CODEC(T64, ZSTD(1)),
  cost_input          Decimal(18,9) CODEC(T64, ZSTD(1)),
  cost_output         Decimal(18,9) CODEC(T64, ZSTD(1)),
  cost_cache_read     Decimal(18,9) CODEC(T64, ZSTD(1)),
  cost_cache_write    Decimal(18,9) CODEC(T64, ZSTD(1)),
  cost_other          Decimal(18,9) CODEC(T64, ZSTD(1)),
  cost                Decimal(18,9) CODEC(T64, ZSTD(1)),
  cost_uncached       Decimal(18,9) CODEC(T64, ZSTD(1)),
  priced              Bool,
  band_ambiguous      Bool DEFAULT false,
  price_rev           UInt32,
  latency_ms          UInt32 CODEC(T64, ZSTD(1)),
  first_byte_us       UInt32 CODEC(T64, ZSTD(1)),
  ttft_us             UInt32 CODEC(T64, ZSTD(1)),
  max_gap_us          UInt32 CODEC(T64, ZSTD(1)),
  overhead_us         UInt32 CODEC(T64, ZSTD(1)),
  req_bytes           UInt32 CODEC(T64, ZSTD(1)),
  resp_bytes          UInt32 CODEC(T64, ZSTD(1)),
  n_messages          UInt16 DEFAULT 0 CODEC(T64, ZSTD(1)),
  n_tools             UInt16 DEFAULT 0 CODEC(T64, ZSTD(1)),
  upstream_request_id String CODEC(ZSTD(1)),
  message_id          String CODEC(ZSTD(1)),
  labels              Map(LowCardinality(String), String) CODEC(ZSTD(1)),
  ingested_at         DateTime64(3,'UTC') DEFAULT now64(3) CODEC(Delta(8), ZSTD(1)),
  tenant              LowCardinality(String) ALIAS customer,
  ttft_ms             UInt32 ALIAS intDiv(ttft_us, 1000),
  gateway_us          UInt32 ALIAS overhead_us,
  INDEX ix_req     request_id          TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX ix_attempt attempt_id          TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX ix_session session_id          TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX ix_msg     message_id          TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX ix_up      upstream_request_id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX ix_seq     wal_seq             TYPE minmax             GRANULARITY 1,
  INDEX ix_dev     developer           TYPE set(64)            GRANULARITY 1,
  INDEX ix_lk      mapKeys(labels)     TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX ix_lv      mapValues(labels)   TYPE bloom_filter(0.01) GRANULARITY 1
)
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toYYYYMM(ts)
ORDER BY (customer, ts, attempt_id)
TTL toDateTime(ts) + INTERVAL 25 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

-- ===== 0002_usage =====
-- Live figures by the minute, for panels and latency percentiles. Kept 14 days.
-- Not money: filled by a view, so a crash of the engine in the middle of an insert can leave it a batch short. Rebuild it from requests.
CREATE TABLE IF NOT EXISTS tollgate.usage_1m
(
  customer           LowCardinality(String),
  minute             DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  team               LowCardinality(String),
  project            LowCardinality(String),
  developer          LowCardinality(String),
  provider           LowCardinality(String),
  model              LowCardinality(String),
  requests           SimpleAggregateFunction(sum, UInt64),
  errors             SimpleAggregateFunction(sum, UInt64),
  input_tokens       SimpleAggregateFunction(sum, UInt64),
  output_tokens      SimpleAggregateFunction(sum, UInt64),
  cache_read_tokens  SimpleAggregateFunction(sum, UInt64),
  cache_write_tokens SimpleAggregateFunction(sum, UInt64),
  cost               SimpleAggregateFunction(sum, Decimal(38,9)),
  cost_uncached      SimpleAggregateFunction(sum, Decimal(38,9)),
  latency_q          AggregateFunction(quantilesTDigest(0.5,0.95,0.99), UInt32),
  ttft_q             AggregateFunction(quantilesTDigest(0.5,0.95,0.99), UInt32),
  tenant             LowCardinality(String) ALIAS customer
)
ENGINE = AggregatingMergeTree
PARTITION BY toYYYYMMDD(minute)
ORDER BY (customer, minute, team, project, developer, provider, model)
TTL minute + INTERVAL 14 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

-- Every column is read as r.name: an alias of the same name would otherwise be taken in its place.
-- Both quantiles are in milliseconds. An attempt without content has no time to its first token and is left out of ttft_q.
CREATE MATERIALIZED VIEW IF NOT EXISTS tollgate.mv_usage_1m TO tollgate.usage_1m AS
SELECT
  r.customer AS customer, toStartOfMinute(toDateTime(r.ts,'UTC')) AS minute,
  r.team AS team, r.project AS project, r.developer AS developer, r.provider AS provider, r.model AS model,
  count() AS requests,
  countIf(r.http_status >= 400 OR r.error_type != '') AS errors,
  sum(toUInt64(r.input_tokens)) AS input_tokens,
  sum(toUInt64(r.output_tokens)) AS output_tokens,
  sum(toUInt64(r.cache_read_tokens)) AS cache_read_tokens,
  sum(toUInt64(r.cache_w5m_tokens) + r.cache_w1h_tokens) AS cache_write_tokens,
  sum(r.cost) AS cost,
  sum(r.cost_uncached) AS cost_uncached,
  quantilesTDigestState(0.5,0.95,0.99)(r.latency_ms) AS latency_q,
  quantilesTDigestStateIf(0.5,0.95,0.99)(toUInt32(intDiv(r.ttft_us, 1000)), r.ttft_us > 0) AS ttft_q
FROM tollgate.requests AS r
GROUP BY customer, minute, team, project, developer, provider, model;

-- Money by the quarter of an hour: every time zone's offset is a multiple of 15 minutes, so any local day is exact.
-- Filled by the rollup, never by a view: a range of slots is recomputed from requests FINAL and replaces what was there, as often
-- as it takes. Empty until the first rollup.
CREATE TABLE IF NOT EXISTS tollgate.usage_15m_data
(
  customer          LowCardinality(String),
  slot              DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  team              LowCardinality(String),
  project           LowCardinality(String),
  developer         LowCardinality(String),
  key_id            LowCardinality(String),
  provider          LowCardinality(String),
  model             LowCardinality(String),
  requests          UInt64 CODEC(T64, ZSTD(1)),
  errors            UInt64 CODEC(T64, ZSTD(1)),
  input_tokens      UInt64 CODEC(T64, ZSTD(1)),
  output_tokens     UInt64 CODEC(T64, ZSTD(1)),
  cache_read_tokens UInt64 CODEC(T64, ZSTD(1)),
  cache_w5m_tokens  UInt64 CODEC(T64, ZSTD(1)),
  cache_w1h_tokens  UInt64 CODEC(T64, ZSTD(1)),
  cost_input        Decimal(18,9),
  cost_output       Decimal(18,9),
  cost_cache_read   Decimal(18,9),
  cost_cache_write  Decimal(18,9),
  cost_other        Decimal(18,9),
  cost              Decimal(18,9),
  cost_uncached     Decimal(18,9),
  estimated_cost    Decimal(18,9),
  computed_at       DateTime64(6,'UTC') DEFAULT now64(6)
)
ENGINE = ReplacingMergeTree(computed_at)
PARTITION BY toYYYYMM(slot)
ORDER BY (customer, slot, team, project, developer, key_id, provider, model);

-- What to read: the newest computation of each slot.
CREATE VIEW IF NOT EXISTS tollgate.usage_15m AS
SELECT * EXCEPT(computed_at), customer AS tenant
FROM tollgate.usage_15m_data FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The same by local day: SELECT … FROM tollgate.usage_1d(tz = 'Europe/Berlin').
CREATE VIEW IF NOT EXISTS tollgate.usage_1d AS
SELECT
  u.customer AS customer, u.customer AS tenant, toDate(toTimeZone(u.slot, {tz:String})) AS day,
  u.team AS team, u.project AS project, u.developer AS developer, u.key_id AS key_id, u.provider AS provider, u.model AS model,
  sum(u.requests) AS requests, sum(u.errors) AS errors,
  sum(u.input_tokens) AS input_tokens, sum(u.output_tokens) AS output_tokens, sum(u.cache_read_tokens) AS cache_read_tokens,
  sum(u.cache_w5m_tokens) AS cache_w5m_tokens, sum(u.cache_w1h_tokens) AS cache_w1h_tokens,
  sum(u.cost) AS cost, sum(u.cost_uncached) AS cost_uncached
FROM tollgate.usage_15m AS u
GROUP BY ALL;

-- ===== 0003_sessions =====
-- One line per Claude Code session, for display. Filled by a view, with usage_1m's caveat.
CREATE TABLE IF NOT EXISTS tollgate.sessions
(
  customer           LowCardinality(String),
  session_id         String,
  team               SimpleAggregateFunction(anyLast, LowCardinality(String)),
  project            SimpleAggregateFunction(anyLast, LowCardinality(String)),
  developer          SimpleAggregateFunction(anyLast, LowCardinality(String)),
  first_ts           SimpleAggregateFunction(min, DateTime64(3,'UTC')),
  last_ts            SimpleAggregateFunction(max, DateTime64(3,'UTC')),
  requests           SimpleAggregateFunction(sum, UInt64),
  errors             SimpleAggregateFunction(sum, UInt64),
  models             SimpleAggregateFunction(groupUniqArrayArray, Array(String)),
  input_tokens       SimpleAggregateFunction(sum, UInt64),
  output_tokens      SimpleAggregateFunction(sum, UInt64),
  cache_read_tokens  SimpleAggregateFunction(sum, UInt64),
  cache_write_tokens SimpleAggregateFunction(sum, UInt64),
  max_context        SimpleAggregateFunction(max, UInt64),
  cost               SimpleAggregateFunction(sum, Decimal(38,9)),
  tenant             LowCardinality(String) ALIAS customer
)
ENGINE = AggregatingMergeTree
ORDER BY (customer, session_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- max_context is the longest prompt of the session, all input classes together, in tokens.
CREATE MATERIALIZED VIEW IF NOT EXISTS tollgate.mv_sessions TO tollgate.sessions AS
SELECT
  r.customer AS customer, r.session_id AS session_id,
  anyLast(r.team) AS team, anyLast(r.project) AS project, anyLast(r.developer) AS developer,
  min(r.ts) AS first_ts, max(r.ts) AS last_ts,
  count() AS requests,
  countIf(r.http_status >= 400 OR r.error_type != '') AS errors,
  groupUniqArray(toString(r.model)) AS models,
  sum(toUInt64(r.input_tokens)) AS input_tokens,
  sum(toUInt64(r.output_tokens)) AS output_tokens,
  sum(toUInt64(r.cache_read_tokens)) AS cache_read_tokens,
  sum(toUInt64(r.cache_w5m_tokens) + r.cache_w1h_tokens) AS cache_write_tokens,
  max(toUInt64(r.input_tokens) + r.cache_read_tokens + r.cache_w5m_tokens + r.cache_w1h_tokens) AS max_context,
  sum(r.cost) AS cost
FROM tollgate.requests AS r
WHERE r.session_id != ''
GROUP BY customer, session_id;

-- ===== 0004_content =====
-- Content, when it is switched on: a request as the list of its messages' hashes. Kept 30 days, apart from the ledger.
CREATE TABLE IF NOT EXISTS tollgate.payloads
(
  ts             DateTime64(3,'UTC') CODEC(Delta(8), ZSTD(1)),
  request_id     UUID,
  attempt_id     UUID,
  customer       LowCardinality(String),
  session_id     String CODEC(ZSTD(1)),
  developer      LowCardinality(String),
  capture        Enum8('full'=1,'redacted'=2,'truncated'=3,'metadata'=4),
  params         String CODEC(ZSTD(3)),
  system_hash    UInt128,
  tools_hash     UInt128,
  message_hashes Array(UInt128) CODEC(ZSTD(3)),
  new_from       UInt16,
  response       String CODEC(ZSTD(3)),
  INDEX ix_req     request_id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX ix_attempt attempt_id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX ix_session session_id TYPE bloom_filter(0.01) GRANULARITY 1,
  INDEX ft_resp    response   TYPE text(tokenizer = splitByNonAlpha, preprocessor = lower(response))
)
ENGINE = MergeTree
PARTITION BY toYYYYMMDD(ts)
ORDER BY (customer, ts, attempt_id)
TTL toDateTime(ts) + INTERVAL 30 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, index_granularity_bytes = '64Mi', merge_max_block_size_bytes = '64Mi';

-- The messages themselves, each once a day: a client sends its whole history with every turn.
CREATE TABLE IF NOT EXISTS tollgate.content
(
  day   Date,
  hash  UInt128,
  kind  Enum8('system'=1,'tools'=2,'message'=3),
  role  LowCardinality(String),
  bytes UInt32,
  body  String CODEC(ZSTD(3)),
  INDEX ft_body body TYPE text(tokenizer = splitByNonAlpha, preprocessor = lower(body))
)
ENGINE = ReplacingMergeTree
PARTITION BY day
ORDER BY hash
TTL day + INTERVAL 30 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, index_granularity_bytes = '64Mi';

-- ===== 0005_money =====
-- What budgets did: a history to read, while the budgets themselves are control data and live elsewhere.
CREATE TABLE IF NOT EXISTS tollgate.budget_events
(
  ts         DateTime64(3,'UTC'),
  customer   LowCardinality(String),
  budget_id  String,
  kind       Enum8('soft'=1,'hard'=2,'blocked'=3,'reset'=4,'override'=5),
  developer  LowCardinality(String),
  request_id UUID,
  spent      Decimal(18,9),
  limit_usd  Decimal(18,9),
  note       String
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(ts)
ORDER BY (customer, ts)
SETTINGS non_replicated_deduplication_window = 1000;

-- The provider's own bill, day by day (UTC), to hold the ledger against.
CREATE TABLE IF NOT EXISTS tollgate.invoice_lines
(
  provider   LowCardinality(String),
  day        Date,
  workspace  LowCardinality(String),
  model      LowCardinality(String),
  token_type LowCardinality(String),
  amount_usd Decimal(18,9),
  tokens     UInt64,
  source     String,
  version    UInt64
)
ENGINE = ReplacingMergeTree(version)
ORDER BY (provider, day, workspace, model, token_type);

-- ===== 0006_spool =====
-- Where a spool begins. A gateway numbers its rows without holes over restarts; only a new spool directory starts anew, at (unix ms << 20).
-- With these rows a hole in wal_seq can be told from the beginning of a spool by SQL alone.
CREATE TABLE IF NOT EXISTS tollgate.spools
(
  gateway_id LowCardinality(String),
  first_seq  UInt64,
  created_at DateTime64(3,'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree
ORDER BY (gateway_id, first_seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- What remains of rows when the disk was full: sums of many attempts, so a fold is no row of requests. The rollup adds it to them.
-- Sent twice, a fold counts once: fold_id is part of its key. Read it with FINAL.
CREATE TABLE IF NOT EXISTS tollgate.usage_folded
(
  customer          LowCardinality(String),
  slot              DateTime('UTC') CODEC(Delta(4), ZSTD(1)),
  team              LowCardinality(String),
  project           LowCardinality(String),
  developer         LowCardinality(String),
  key_id            LowCardinality(String),
  provider          LowCardinality(String),
  model             LowCardinality(String),
  requests          UInt64 CODEC(T64, ZSTD(1)),
  errors            UInt64 CODEC(T64, ZSTD(1)),
  input_tokens      UInt64 CODEC(T64, ZSTD(1)),
  output_tokens     UInt64 CODEC(T64, ZSTD(1)),
  cache_read_tokens UInt64 CODEC(T64, ZSTD(1)),
  cache_w5m_tokens  UInt64 CODEC(T64, ZSTD(1)),
  cache_w1h_tokens  UInt64 CODEC(T64, ZSTD(1)),
  cost_input        Decimal(18,9),
  cost_output       Decimal(18,9),
  cost_cache_read   Decimal(18,9),
  cost_cache_write  Decimal(18,9),
  cost_other        Decimal(18,9),
  cost              Decimal(18,9),
  cost_uncached     Decimal(18,9),
  estimated_cost    Decimal(18,9),
  gateway_id        LowCardinality(String),
  fold_id           UUID,
  ingested_at       DateTime64(3,'UTC') DEFAULT now64(3)
)
ENGINE = ReplacingMergeTree(ingested_at)
PARTITION BY toYYYYMM(slot)
ORDER BY (customer, slot, team, project, developer, key_id, provider, model, fold_id)
TTL slot + INTERVAL 25 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

-- A value more at the end of an enum changes no stored byte.
ALTER TABLE tollgate.requests MODIFY COLUMN outcome
  Enum8('unknown'=0,'completed'=1,'upstream_error'=2,'error_event'=3,'upstream_truncated'=4,'upstream_stalled'=5,
        'client_aborted'=6,'client_stalled'=7,'incomplete'=8,'crashed'=9,'refused'=10,'unreachable'=11,'gateway_stopped'=12);

-- Lets the rollup find what came since its last run without reading the whole column. A part from before reads as it did until it is merged.
ALTER TABLE tollgate.requests ADD INDEX IF NOT EXISTS ix_ingested ingested_at TYPE minmax GRANULARITY 1;

-- The spool deletes its copy of a batch once the insert is acknowledged, so by then the rows must outlive a power cut.
ALTER TABLE tollgate.requests MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

