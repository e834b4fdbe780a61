-- Live figures by the minute, for panels and latency percentiles. Kept 14 days.
-- Not money: filled by a view, so a crash of the engine in the middle of an insert can leave it a batch short. Rebuild it from requests.
CREATE TABLE IF NOT EXISTS tollgate.usage_1m{on_cluster}
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
ENGINE = {replicated:AggregatingMergeTree}
PARTITION BY toYYYYMMDD(minute)
ORDER BY (customer, minute, team, project, developer, provider, model)
TTL minute + INTERVAL 14 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1;

-- Every column is read as r.name: an alias of the same name would otherwise be taken in its place.
-- Both quantiles are in milliseconds. An attempt without content has no time to its first token and is left out of ttft_q.
CREATE MATERIALIZED VIEW IF NOT EXISTS tollgate.mv_usage_1m{on_cluster} TO tollgate.usage_1m AS
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
CREATE TABLE IF NOT EXISTS tollgate.usage_15m_data{on_cluster}
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
ENGINE = {replicated:ReplacingMergeTree(computed_at)}
PARTITION BY toYYYYMM(slot)
ORDER BY (customer, slot, team, project, developer, key_id, provider, model);

-- What to read: the newest computation of each slot.
CREATE VIEW IF NOT EXISTS tollgate.usage_15m{on_cluster} AS
SELECT * EXCEPT(computed_at), customer AS tenant
FROM tollgate.usage_15m_data FINAL
SETTINGS do_not_merge_across_partitions_select_final = 1;

-- The same by local day: SELECT … FROM tollgate.usage_1d(tz = 'Europe/Berlin').
CREATE VIEW IF NOT EXISTS tollgate.usage_1d{on_cluster} AS
SELECT
  u.customer AS customer, u.customer AS tenant, toDate(toTimeZone(u.slot, {tz:String})) AS day,
  u.team AS team, u.project AS project, u.developer AS developer, u.key_id AS key_id, u.provider AS provider, u.model AS model,
  sum(u.requests) AS requests, sum(u.errors) AS errors,
  sum(u.input_tokens) AS input_tokens, sum(u.output_tokens) AS output_tokens, sum(u.cache_read_tokens) AS cache_read_tokens,
  sum(u.cache_w5m_tokens) AS cache_w5m_tokens, sum(u.cache_w1h_tokens) AS cache_w1h_tokens,
  sum(u.cost) AS cost, sum(u.cost_uncached) AS cost_uncached
FROM tollgate.usage_15m AS u
GROUP BY ALL;
