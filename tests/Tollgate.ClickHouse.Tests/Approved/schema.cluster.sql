-- ===== bootstrap =====
-- Run before every migration where its table is not there yet: the database, and the table that remembers which migrations ran.
-- Keyed by version and checksum, so that two binaries with different texts for one version are both remembered and found out.
CREATE DATABASE IF NOT EXISTS tollgate ON CLUSTER 'ledger';

CREATE TABLE IF NOT EXISTS tollgate.schema_migrations ON CLUSTER 'ledger'
(
  version    UInt32,
  name       String,
  checksum   FixedString(32),
  applied_at DateTime64(3,'UTC') DEFAULT now64(3),
  applied_by String
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', applied_at)
ORDER BY (version, checksum);

-- ===== 0001_requests =====
-- The ledger: one row per attempt upstream. The truth that every other figure is computed from.
-- Time comes second in the key, because every reader wants the newest of one customer. A UUID sorts by its second half, so it comes last.
-- Replacing is the last defence against a row sent twice; the insert's deduplication token is the first.
-- tenant, ttft_ms and gateway_us are other names for stored columns; materialized views read the stored ones.
CREATE TABLE IF NOT EXISTS tollgate.requests ON CLUSTER 'ledger'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ingested_at)
PARTITION BY toYYYYMM(ts)
ORDER BY (customer, ts, attempt_id)
TTL toDateTime(ts) + INTERVAL 25 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

-- ===== 0002_usage =====
-- Live figures by the minute, for panels and latency percentiles. Kept 14 days.
-- Not money: filled by a view, so a crash of the engine in the middle of an insert can leave it a batch short. Rebuild it from requests.
CREATE TABLE IF NOT EXISTS tollgate.usage_1m ON CLUSTER 'ledger'
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMMDD(minute)
ORDER BY (customer, minute, team, project, developer, provider, model)
TTL minute + INTERVAL 14 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

-- Every column is read as r.name: an alias of the same name would otherwise be taken in its place.
-- Both quantiles are in milliseconds. An attempt without content has no time to its first token and is left out of ttft_q.
CREATE MATERIALIZED VIEW IF NOT EXISTS tollgate.mv_usage_1m ON CLUSTER 'ledger' TO tollgate.usage_1m AS
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
CREATE TABLE IF NOT EXISTS tollgate.usage_15m_data ON CLUSTER 'ledger'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', computed_at)
PARTITION BY toYYYYMM(slot)
ORDER BY (customer, slot, team, project, developer, key_id, provider, model);

-- What to read: the newest computation of each slot.
CREATE VIEW IF NOT EXISTS tollgate.usage_15m ON CLUSTER 'ledger' AS
SELECT * EXCEPT(computed_at), customer AS tenant
FROM tollgate.usage_15m_data FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The same by local day: SELECT … FROM tollgate.usage_1d(tz = 'Europe/Berlin').
CREATE VIEW IF NOT EXISTS tollgate.usage_1d ON CLUSTER 'ledger' AS
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
CREATE TABLE IF NOT EXISTS tollgate.sessions ON CLUSTER 'ledger'
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
ENGINE = ReplicatedAggregatingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (customer, session_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- max_context is the longest prompt of the session, all input classes together, in tokens.
CREATE MATERIALIZED VIEW IF NOT EXISTS tollgate.mv_sessions ON CLUSTER 'ledger' TO tollgate.sessions AS
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
CREATE TABLE IF NOT EXISTS tollgate.payloads ON CLUSTER 'ledger'
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMMDD(ts)
ORDER BY (customer, ts, attempt_id)
TTL toDateTime(ts) + INTERVAL 30 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, index_granularity_bytes = '64Mi', merge_max_block_size_bytes = '64Mi';

-- The messages themselves, each once a day: a client sends its whole history with every turn.
CREATE TABLE IF NOT EXISTS tollgate.content ON CLUSTER 'ledger'
(
  day   Date,
  hash  UInt128,
  kind  Enum8('system'=1,'tools'=2,'message'=3),
  role  LowCardinality(String),
  bytes UInt32,
  body  String CODEC(ZSTD(3)),
  INDEX ft_body body TYPE text(tokenizer = splitByNonAlpha, preprocessor = lower(body))
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY day
ORDER BY hash
TTL day + INTERVAL 30 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, index_granularity_bytes = '64Mi';

-- ===== 0005_money =====
-- What budgets did: a history to read, while the budgets themselves are control data and live elsewhere.
CREATE TABLE IF NOT EXISTS tollgate.budget_events ON CLUSTER 'ledger'
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
ENGINE = ReplicatedMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
PARTITION BY toYYYYMM(ts)
ORDER BY (customer, ts)
SETTINGS non_replicated_deduplication_window = 1000;

-- The provider's own bill, day by day (UTC), to hold the ledger against.
CREATE TABLE IF NOT EXISTS tollgate.invoice_lines ON CLUSTER 'ledger'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', version)
ORDER BY (provider, day, workspace, model, token_type);

-- ===== 0006_spool =====
-- Where a spool begins. A gateway numbers its rows without holes over restarts; only a new spool directory starts anew, at (unix ms << 20).
-- With these rows a hole in wal_seq can be told from the beginning of a spool by SQL alone.
CREATE TABLE IF NOT EXISTS tollgate.spools ON CLUSTER 'ledger'
(
  gateway_id LowCardinality(String),
  first_seq  UInt64,
  created_at DateTime64(3,'UTC') DEFAULT now64(3)
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}')
ORDER BY (gateway_id, first_seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- What remains of rows when the disk was full: sums of many attempts, so a fold is no row of requests. The rollup adds it to them.
-- Sent twice, a fold counts once: fold_id is part of its key. Read it with FINAL.
CREATE TABLE IF NOT EXISTS tollgate.usage_folded ON CLUSTER 'ledger'
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
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', ingested_at)
PARTITION BY toYYYYMM(slot)
ORDER BY (customer, slot, team, project, developer, key_id, provider, model, fold_id)
TTL slot + INTERVAL 25 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

-- A value more at the end of an enum changes no stored byte.
ALTER TABLE tollgate.requests ON CLUSTER 'ledger' MODIFY COLUMN outcome
  Enum8('unknown'=0,'completed'=1,'upstream_error'=2,'error_event'=3,'upstream_truncated'=4,'upstream_stalled'=5,
        'client_aborted'=6,'client_stalled'=7,'incomplete'=8,'crashed'=9,'refused'=10,'unreachable'=11,'gateway_stopped'=12);

-- Lets the rollup find what came since its last run without reading the whole column. A part from before reads as it did until it is merged.
ALTER TABLE tollgate.requests ON CLUSTER 'ledger' ADD INDEX IF NOT EXISTS ix_ingested ingested_at TYPE minmax GRANULARITY 1;

-- The spool deletes its copy of a batch once the insert is acknowledged, so by then the rows must outlive a power cut.
ALTER TABLE tollgate.requests ON CLUSTER 'ledger' MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

-- ===== 0007_spend =====
-- Questions about spend, as views to select from: docs/spend-queries.md has each with an example.
-- Parameters: since and until are days, both included, of the time zone tz (UTC where a view has no tz).
-- Money stays Decimal; only ratios, medians and forecasts are floating point. Every column is read as u.name or r.name: an alias of the
-- same name would otherwise be taken in its place.
CREATE VIEW IF NOT EXISTS tollgate.spend_by_day ON CLUSTER 'ledger' AS
SELECT d.*, d.cost - lagInFrame(d.cost, 1, d.cost) OVER (ORDER BY d.day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS change
FROM (
  SELECT
    toDate(toTimeZone(u.slot, {tz:String})) AS day, uniqExactIf(u.developer, u.requests > 0) AS developers, sum(u.requests) AS requests, sum(u.errors) AS errors,
    sum(u.input_tokens) AS input_tokens, sum(u.output_tokens) AS output_tokens, sum(u.cache_read_tokens) AS cache_read_tokens,
    sum(u.cache_w5m_tokens) + sum(u.cache_w1h_tokens) AS cache_write_tokens, sum(u.cost) AS cost
  FROM tollgate.usage_15m AS u
  WHERE toDate(toTimeZone(u.slot, {tz:String})) BETWEEN {since:Date} AND {until:Date}
  GROUP BY day
  HAVING requests > 0) AS d
ORDER BY d.day;

-- previous_cost is that of as many days just before since. change_percent is NULL for a developer who spent nothing then.
CREATE VIEW IF NOT EXISTS tollgate.spend_by_developer ON CLUSTER 'ledger' AS
SELECT
  d.*,
  if(d.previous_cost = 0, NULL, round(100 * (toFloat64(d.cost) / toFloat64(d.previous_cost) - 1), 1)) AS change_percent,
  if(sum(d.cost) OVER () = 0, NULL, round(100 * toFloat64(d.cost) / toFloat64(sum(d.cost) OVER ()), 1)) AS share_percent
FROM (
  SELECT
    u.developer AS developer,
    sumIf(u.requests, toDate(toTimeZone(u.slot, {tz:String})) >= {since:Date}) AS requests,
    sumIf(u.cost, toDate(toTimeZone(u.slot, {tz:String})) >= {since:Date}) AS cost,
    sumIf(u.cost, toDate(toTimeZone(u.slot, {tz:String})) < {since:Date}) AS previous_cost
  FROM tollgate.usage_15m AS u
  WHERE toDate(toTimeZone(u.slot, {tz:String})) BETWEEN {since:Date} - (dateDiff('day', {since:Date}, {until:Date}) + 1) AND {until:Date}
  GROUP BY developer
  HAVING sum(u.requests) > 0) AS d
ORDER BY d.cost DESC, d.developer;

CREATE VIEW IF NOT EXISTS tollgate.spend_by_team_project_model ON CLUSTER 'ledger' AS
SELECT u.team AS team, u.project AS project, u.model AS model, sum(u.requests) AS requests, sum(u.cost) AS cost
FROM tollgate.usage_15m AS u
WHERE toDate(toTimeZone(u.slot, {tz:String})) BETWEEN {since:Date} AND {until:Date}
GROUP BY team, project, model
HAVING requests > 0
ORDER BY cost DESC, team, project, model;

-- A session counts with its requests within the range. max_context is its longest prompt, all input classes together.
CREATE VIEW IF NOT EXISTS tollgate.spend_by_session ON CLUSTER 'ledger' AS
SELECT
  r.session_id AS session_id, argMax(r.developer, r.ts) AS developer, argMax(r.project, r.ts) AS project, min(r.ts) AS first_ts, max(r.ts) AS last_ts,
  count() AS requests, arraySort(groupUniqArray(toString(r.model))) AS models,
  sum(toUInt64(r.input_tokens)) AS input_tokens, sum(toUInt64(r.output_tokens)) AS output_tokens, sum(toUInt64(r.cache_read_tokens)) AS cache_read_tokens,
  sum(toUInt64(r.cache_w5m_tokens) + r.cache_w1h_tokens) AS cache_write_tokens,
  max(toUInt64(r.input_tokens) + r.cache_read_tokens + r.cache_w5m_tokens + r.cache_w1h_tokens) AS max_context, sum(r.cost) AS cost
FROM tollgate.requests AS r FINAL
WHERE r.session_id != '' AND toDate(toTimeZone(r.ts, {tz:String})) BETWEEN {since:Date} AND {until:Date}
GROUP BY session_id
ORDER BY cost DESC, session_id;

CREATE VIEW IF NOT EXISTS tollgate.token_mix ON CLUSTER 'ledger' AS
SELECT
  u.model AS model, sum(u.input_tokens) AS input_tokens, sum(u.output_tokens) AS output_tokens, sum(u.cache_read_tokens) AS cache_read_tokens,
  sum(u.cache_w5m_tokens) AS cache_w5m_tokens, sum(u.cache_w1h_tokens) AS cache_w1h_tokens, sum(u.cost_input) AS cost_input, sum(u.cost_output) AS cost_output,
  sum(u.cost_cache_read) AS cost_cache_read, sum(u.cost_cache_write) AS cost_cache_write, sum(u.cost_other) AS cost_other, sum(u.cost) AS cost
FROM tollgate.usage_15m AS u
WHERE toDate(toTimeZone(u.slot, {tz:String})) BETWEEN {since:Date} AND {until:Date}
GROUP BY model
HAVING sum(u.requests) > 0
ORDER BY cost DESC, model;

-- saved is what the same requests would have cost without the cache, less what they did cost.
CREATE VIEW IF NOT EXISTS tollgate.cache_efficiency ON CLUSTER 'ledger' AS
SELECT
  d.*,
  if(d.prompt_tokens = 0, NULL, round(100 * d.cache_read_tokens / d.prompt_tokens, 1)) AS hit_percent,
  if(d.cache_write_tokens = 0, NULL, round(d.cache_read_tokens / d.cache_write_tokens, 2)) AS reads_per_write
FROM (
  SELECT
    u.developer AS developer, sum(u.input_tokens + u.cache_read_tokens + u.cache_w5m_tokens + u.cache_w1h_tokens) AS prompt_tokens,
    sum(u.cache_read_tokens) AS cache_read_tokens, sum(u.cache_w5m_tokens + u.cache_w1h_tokens) AS cache_write_tokens,
    sum(u.cost_cache_write) AS cost_cache_write, sum(u.cost) AS cost, sum(u.cost_uncached) - sum(u.cost) AS saved
  FROM tollgate.usage_15m AS u
  WHERE toDate(toTimeZone(u.slot, {tz:String})) BETWEEN {since:Date} AND {until:Date}
  GROUP BY developer
  HAVING sum(u.requests) > 0) AS d
ORDER BY d.saved, d.developer;

-- At a moment of UTC: what the last five minutes, the last hour and the last day cost, and the local day so far.
CREATE VIEW IF NOT EXISTS tollgate.burn_rate ON CLUSTER 'ledger' AS
SELECT
  sumIf(r.cost, r.ts >= {at:DateTime('UTC')} - INTERVAL 5 MINUTE) AS cost_5m, sumIf(r.cost, r.ts >= {at:DateTime('UTC')} - INTERVAL 1 HOUR) AS cost_1h,
  sumIf(r.cost, r.ts >= {at:DateTime('UTC')} - INTERVAL 24 HOUR) AS cost_24h,
  sumIf(r.cost, toDate(toTimeZone(r.ts, {tz:String})) = toDate(toTimeZone({at:DateTime('UTC')}, {tz:String}))) AS cost_today
FROM tollgate.requests AS r FINAL
WHERE r.ts >= {at:DateTime('UTC')} - INTERVAL 48 HOUR AND r.ts < {at:DateTime('UTC')};

-- The newest event of each budget. What a budget has left now is control data: ask tollgate budgets state.
CREATE VIEW IF NOT EXISTS tollgate.budget_history ON CLUSTER 'ledger' AS
SELECT
  b.customer AS customer, b.budget_id AS budget_id, max(b.ts) AS last_ts, argMax(b.kind, b.ts) AS last_kind, argMax(b.spent, b.ts) AS spent,
  argMax(b.limit_usd, b.ts) AS limit_usd, countIf(b.kind = 'soft') AS warnings, countIf(b.kind = 'blocked') AS refusals, countIf(b.kind = 'override') AS overrides
FROM tollgate.budget_events AS b
GROUP BY customer, budget_id
ORDER BY customer, budget_id;

-- The rest of the month is expected to cost what the same weekdays did on average in the four weeks before today; the interval is 95 % and takes days as independent.
CREATE VIEW IF NOT EXISTS tollgate.month_forecast ON CLUSTER 'ledger' AS
SELECT
  m.cost_to_yesterday AS cost_to_yesterday, round(w.expected, 2) AS expected_rest, round(toFloat64(m.cost_to_yesterday) + w.expected, 2) AS forecast,
  round(w.half_width, 2) AS plus_minus
FROM (
  SELECT sum(u.cost) AS cost_to_yesterday
  FROM tollgate.usage_15m AS u
  WHERE toDate(toTimeZone(u.slot, {tz:String})) >= toStartOfMonth({today:Date}) AND toDate(toTimeZone(u.slot, {tz:String})) < {today:Date}) AS m
CROSS JOIN (
  SELECT sum(p.days_left * p.average) AS expected, 1.96 * sqrt(sum(p.days_left * p.variance)) AS half_width
  FROM (
    SELECT
      toDayOfWeek(d.day) AS weekday, sum(d.cost) / 4 AS average, greatest(sum(d.cost * d.cost) - sum(d.cost) * sum(d.cost) / 4, 0) / 3 AS variance,
      countEqual(arrayMap(i -> toDayOfWeek({today:Date} + i), range(toUInt64(dateDiff('day', {today:Date}, toLastDayOfMonth({today:Date})) + 1))), weekday) AS days_left
    FROM (
      SELECT toDate(toTimeZone(u.slot, {tz:String})) AS day, toFloat64(sum(u.cost)) AS cost
      FROM tollgate.usage_15m AS u
      WHERE toDate(toTimeZone(u.slot, {tz:String})) >= {today:Date} - 28 AND toDate(toTimeZone(u.slot, {tz:String})) < {today:Date}
      GROUP BY day) AS d
    GROUP BY weekday) AS p) AS w;

-- Days of a developer that are far above that developer's own median: over 3.5 by the median absolute deviation, which one wild day does not move.
CREATE VIEW IF NOT EXISTS tollgate.spend_outliers ON CLUSTER 'ledger' AS
SELECT z.developer AS developer, z.day AS day, z.cost AS cost, round(z.median_cost, 2) AS median_cost,
  round(0.6745 * (toFloat64(z.cost) - z.median_cost) / greatest(z.deviation, 0.01), 1) AS score
FROM (
  SELECT m.*, quantileExactInclusive(0.5)(abs(toFloat64(m.cost) - m.median_cost)) OVER (PARTITION BY m.developer) AS deviation
  FROM (
    SELECT d.*, quantileExactInclusive(0.5)(toFloat64(d.cost)) OVER (PARTITION BY d.developer) AS median_cost
    FROM (
      SELECT u.developer AS developer, toDate(toTimeZone(u.slot, {tz:String})) AS day, sum(u.cost) AS cost
      FROM tollgate.usage_15m AS u
      WHERE toDate(toTimeZone(u.slot, {tz:String})) BETWEEN {since:Date} AND {until:Date}
      GROUP BY developer, day
      HAVING sum(u.requests) > 0) AS d) AS m) AS z
WHERE score > 3.5
ORDER BY score DESC, developer, day;

CREATE VIEW IF NOT EXISTS tollgate.dearest_requests ON CLUSTER 'ledger' AS
SELECT
  r.ts AS ts, r.request_id AS request_id, r.developer AS developer, r.session_id AS session_id, r.model AS model,
  toUInt64(r.input_tokens) + r.cache_read_tokens + r.cache_w5m_tokens + r.cache_w1h_tokens AS context, r.output_tokens AS output_tokens, r.cost AS cost,
  multiIf(
    r.cost_output * 2 > r.cost, 'long output', r.cost_cache_write * 2 > r.cost, 'cache written', r.cost_input * 2 > r.cost, 'input not cached',
    r.cost_cache_read * 2 > r.cost, 'long context', 'mixed') AS why
FROM tollgate.requests AS r FINAL
WHERE toDate(toTimeZone(r.ts, {tz:String})) BETWEEN {since:Date} AND {until:Date}
ORDER BY cost DESC, ts, request_id;

-- Money that bought nothing, or nothing sure. The three sums overlap.
CREATE VIEW IF NOT EXISTS tollgate.waste ON CLUSTER 'ledger' AS
SELECT
  r.model AS model, count() AS requests, countIf(r.http_status >= 400 OR r.error_type != '') AS errors, countIf(r.http_status = 429) AS rate_limited,
  countIf(r.http_status = 529) AS overloaded, sumIf(r.cost, r.http_status >= 400 OR r.error_type != '') AS cost_errors,
  sumIf(r.cost, r.outcome != 'completed') AS cost_not_completed, sumIf(r.cost, r.usage_source IN ('partial', 'estimated')) AS cost_estimated
FROM tollgate.requests AS r FINAL
WHERE toDate(toTimeZone(r.ts, {tz:String})) BETWEEN {since:Date} AND {until:Date}
GROUP BY model
ORDER BY cost_errors DESC, model;

-- Exact quantiles, in milliseconds. A request without content has no time to its first token.
CREATE VIEW IF NOT EXISTS tollgate.latency ON CLUSTER 'ledger' AS
SELECT
  r.model AS model, count() AS requests, quantilesExactLow(0.5, 0.95, 0.99)(r.latency_ms) AS latency_ms,
  quantilesExactLowIf(0.5, 0.95, 0.99)(intDiv(r.ttft_us, 1000), r.ttft_us > 0) AS ttft_ms
FROM tollgate.requests AS r FINAL
WHERE toDate(toTimeZone(r.ts, {tz:String})) BETWEEN {since:Date} AND {until:Date}
GROUP BY model
ORDER BY requests DESC, model;

-- By week from Monday. A developer is active on a day with a request.
CREATE VIEW IF NOT EXISTS tollgate.adoption ON CLUSTER 'ledger' AS
SELECT
  toMonday(d.day) AS week, uniqExact(d.developer) AS developers, count() AS developer_days, sum(d.cost) AS cost,
  round(quantileExactInclusive(0.5)(toFloat64(d.cost)), 2) AS median_cost_per_day
FROM (
  SELECT u.developer AS developer, toDate(toTimeZone(u.slot, {tz:String})) AS day, sum(u.cost) AS cost
  FROM tollgate.usage_15m AS u
  WHERE u.developer != '' AND toDate(toTimeZone(u.slot, {tz:String})) BETWEEN {since:Date} AND {until:Date}
  GROUP BY developer, day
  HAVING sum(u.requests) > 0) AS d
GROUP BY week
ORDER BY week;

-- Each day of UTC: the ledger against the money rollup, and rows stored more than once. All zeros when in order; the newest minutes may lag.
CREATE VIEW IF NOT EXISTS tollgate.integrity ON CLUSTER 'ledger' AS
SELECT i.day AS day, sum(i.requests) AS requests, sum(i.stored) - sum(i.rows) AS duplicates, sum(i.requests) - sum(i.rolled) AS drift_requests, sum(i.cost) AS drift_cost
FROM (
  SELECT toDate(r.ts) AS day, toInt64(count()) AS requests, toInt64(count()) AS rows, toInt64(0) AS stored, toInt64(0) AS rolled, sum(r.cost) AS cost
  FROM tollgate.requests AS r FINAL WHERE toDate(r.ts) BETWEEN {since:Date} AND {until:Date} GROUP BY day
  UNION ALL
  SELECT toDate(r.ts) AS day, 0, 0, toInt64(count()), 0, toDecimal128(0, 9) FROM tollgate.requests AS r WHERE toDate(r.ts) BETWEEN {since:Date} AND {until:Date} GROUP BY day
  UNION ALL
  SELECT toDate(s.slot) AS day, toInt64(sum(s.requests)), 0, 0, 0, sum(s.cost) FROM tollgate.usage_folded AS s FINAL WHERE toDate(s.slot) BETWEEN {since:Date} AND {until:Date} GROUP BY day
  UNION ALL
  SELECT toDate(u.slot) AS day, 0, 0, 0, toInt64(sum(u.requests)), -sum(u.cost) FROM tollgate.usage_15m AS u WHERE toDate(u.slot) BETWEEN {since:Date} AND {until:Date} GROUP BY day) AS i
GROUP BY day
ORDER BY day;

-- Each spool that has rows: how many of its numbers are not in the ledger. tollgate verify names them.
CREATE VIEW IF NOT EXISTS tollgate.sequence_holes ON CLUSTER 'ledger' AS
SELECT
  q.gateway_id AS gateway_id, q.first_seq AS first_seq, max(q.wal_seq) AS last_seq, count() AS rows,
  max(q.wal_seq) - q.first_seq + 1 - uniqExact(q.wal_seq) AS missing, count() - uniqExact(q.wal_seq) AS duplicates
FROM (
  SELECT r.gateway_id AS gateway_id, r.wal_seq AS wal_seq, s.first_seq AS first_seq
  FROM tollgate.requests AS r FINAL
  ASOF INNER JOIN tollgate.spools AS s ON r.gateway_id = s.gateway_id AND r.wal_seq >= s.first_seq) AS q
GROUP BY gateway_id, first_seq
ORDER BY missing DESC, gateway_id, first_seq;

-- ===== 0008_prices =====
-- The price lists that gateways had, as US dollars per million tokens: a gateway writes its own when it is not the newest here. docs/prices.md.
-- A list is named by its content, so that gateways with the same list write one. What holds is the list that was written last.
-- valid_from is the first moment with a price, valid_until the first without it; both of UTC. over_tokens is the longest prompt without a long_prompt price.
CREATE TABLE IF NOT EXISTS tollgate.prices ON CLUSTER 'ledger'
(
  list        String,
  revision    UInt32,
  as_of       Date,
  model       LowCardinality(String),
  mode        Enum8('standard'=1,'fast'=2,'long_prompt'=3),
  over_tokens UInt64,
  valid_from  DateTime('UTC'),
  valid_until DateTime('UTC'),
  input       Decimal(18,9),
  output      Decimal(18,9),
  cache_read  Decimal(18,9),
  cache_w5m   Decimal(18,9),
  cache_w1h   Decimal(18,9),
  batch       Decimal(9,3),
  geo_us      Decimal(9,3),
  regional    Decimal(9,3),
  web_search  Nullable(Decimal(18,9)),
  written_at  DateTime64(3,'UTC')
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{database}/{table}', '{replica}', written_at)
ORDER BY (list, model, mode, over_tokens, valid_from);

CREATE VIEW IF NOT EXISTS tollgate.price_list ON CLUSTER 'ledger' AS
SELECT p.*
FROM tollgate.prices AS p FINAL
WHERE p.list = (SELECT argMax(n.list, n.written_at) FROM tollgate.prices AS n)
ORDER BY p.model, p.mode, p.over_tokens, p.valid_from;

-- The same tokens at another model's prices: its standard and long-prompt rates of the moment, its batch discount and its premium for inference in
-- the United States where the request had them. What was fast is told apart, since fast rates are not asked of the other model; searches keep their price.
-- Requests without a price, of their own or of the other model, are counted and left out of both sums. Each class is rounded as gateways round.
CREATE VIEW IF NOT EXISTS tollgate.what_if ON CLUSTER 'ledger' AS
WITH (
  SELECT groupArray((l.over_tokens, l.valid_from, l.valid_until, l.input, l.output, l.cache_read, l.cache_w5m, l.cache_w1h, l.batch, l.geo_us))
  FROM (SELECT p.* FROM tollgate.price_list AS p WHERE p.model = {model:String} AND p.mode != 'fast' ORDER BY p.over_tokens DESC) AS l) AS rates,
  (per_million, factor) -> toDecimal128(roundBankers(toDecimal128(per_million * factor, 21) / 1000000, 9), 9) AS charge
SELECT
  w.team AS team, w.project AS project, w.developer AS developer, w.model AS model,
  sum(w.requests) AS requests, sumIf(w.requests, NOT w.has_both) AS requests_left_out,
  sumIf(w.cost, w.has_both) AS cost, sumIf(w.cost, w.has_both AND w.is_fast) AS cost_fast,
  sumIf(if(w.is_free, toDecimal128(0, 9), w.at_input + w.at_output + w.at_cache_read + w.at_cache_write + w.cost_other), w.has_both) AS what_if,
  cost - what_if AS saving
FROM (
  SELECT
    a.*, arrayFirst(r -> (r.1 = 0 OR a.prompt_tokens > r.1) AND a.at >= r.2 AND a.at < r.3, rates) AS rate,
    a.priced AND (rate.3 > toDateTime(0, 'UTC') OR a.tokens = 0) AS has_both, if(a.is_batch, rate.9, toDecimal32(1, 3)) * if(a.is_us, rate.10, toDecimal32(1, 3)) AS factor,
    charge(toDecimal128(a.input_tokens, 0) * rate.4, factor) AS at_input,
    charge(toDecimal128(a.output_tokens, 0) * rate.5, factor) AS at_output,
    charge(toDecimal128(a.cache_read_tokens, 0) * rate.6, factor) AS at_cache_read,
    charge(toDecimal128(a.cache_w5m_tokens, 0) * rate.7 + toDecimal128(a.cache_w1h_tokens, 0) * rate.8, factor) AS at_cache_write
  FROM (
    SELECT
      toString(r.team) AS team, toString(r.project) AS project, toString(r.developer) AS developer, toString(r.model) AS model, r.ts AS at, toUInt64(1) AS requests,
      toUInt64(r.input_tokens) AS input_tokens, toUInt64(r.output_tokens) AS output_tokens, toUInt64(r.cache_read_tokens) AS cache_read_tokens,
      toUInt64(r.cache_w5m_tokens) AS cache_w5m_tokens, toUInt64(r.cache_w1h_tokens) AS cache_w1h_tokens,
      toUInt64(r.input_tokens) + r.cache_read_tokens + r.cache_w5m_tokens + r.cache_w1h_tokens AS prompt_tokens, prompt_tokens + r.output_tokens AS tokens,
      toDecimal128(r.cost, 9) AS cost, toDecimal128(r.cost_other, 9) AS cost_other, r.priced AS priced, r.is_fast AS is_fast, r.is_batch AS is_batch,
      r.inference_geo = 'us' AS is_us, r.stop_reason = 'refusal' AND r.cost = 0 AS is_free
    FROM tollgate.requests AS r FINAL
    WHERE toDate(toTimeZone(r.ts, {tz:String})) BETWEEN {since:Date} AND {until:Date}) AS a
  WHERE NOT throwIf(empty(rates), 'No such model in the price list: SELECT DISTINCT model FROM tollgate.price_list tells which it has.')) AS w
GROUP BY team, project, developer, model
ORDER BY saving DESC, team, project, developer, model;

-- ===== 0009_budget_event_id =====
-- Names each event, so that a gateway can ask which are there before it writes any again. Events from before have none (all zeros).
ALTER TABLE tollgate.budget_events ON CLUSTER 'ledger' ADD COLUMN IF NOT EXISTS event_id UUID;

-- An event is forgotten elsewhere once its insert is acknowledged: it must be on disk by then, as rows of the ledger are.
ALTER TABLE tollgate.budget_events ON CLUSTER 'ledger' MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;

