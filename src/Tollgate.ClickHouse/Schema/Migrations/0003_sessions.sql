-- One line per Claude Code session, for display. Filled by a view, with usage_1m's caveat.
CREATE TABLE IF NOT EXISTS tollgate.sessions{on_cluster}
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
ENGINE = {replicated:AggregatingMergeTree}
ORDER BY (customer, session_id)
SETTINGS non_replicated_deduplication_window = 10000;

-- max_context is the longest prompt of the session, all input classes together, in tokens.
CREATE MATERIALIZED VIEW IF NOT EXISTS tollgate.mv_sessions{on_cluster} TO tollgate.sessions AS
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
