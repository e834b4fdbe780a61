-- Questions about spend, as views to select from: docs/spend-queries.md has each with an example.
-- Parameters: since and until are days, both included, of the time zone tz (UTC where a view has no tz).
-- Money stays Decimal; only ratios, medians and forecasts are floating point. Every column is read as u.name or r.name: an alias of the
-- same name would otherwise be taken in its place.
CREATE VIEW IF NOT EXISTS tollgate.spend_by_day{on_cluster} AS
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
CREATE VIEW IF NOT EXISTS tollgate.spend_by_developer{on_cluster} AS
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

CREATE VIEW IF NOT EXISTS tollgate.spend_by_team_project_model{on_cluster} AS
SELECT u.team AS team, u.project AS project, u.model AS model, sum(u.requests) AS requests, sum(u.cost) AS cost
FROM tollgate.usage_15m AS u
WHERE toDate(toTimeZone(u.slot, {tz:String})) BETWEEN {since:Date} AND {until:Date}
GROUP BY team, project, model
HAVING requests > 0
ORDER BY cost DESC, team, project, model;

-- A session counts with its requests within the range. max_context is its longest prompt, all input classes together.
CREATE VIEW IF NOT EXISTS tollgate.spend_by_session{on_cluster} AS
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

CREATE VIEW IF NOT EXISTS tollgate.token_mix{on_cluster} AS
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
CREATE VIEW IF NOT EXISTS tollgate.cache_efficiency{on_cluster} AS
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
CREATE VIEW IF NOT EXISTS tollgate.burn_rate{on_cluster} AS
SELECT
  sumIf(r.cost, r.ts >= {at:DateTime('UTC')} - INTERVAL 5 MINUTE) AS cost_5m, sumIf(r.cost, r.ts >= {at:DateTime('UTC')} - INTERVAL 1 HOUR) AS cost_1h,
  sumIf(r.cost, r.ts >= {at:DateTime('UTC')} - INTERVAL 24 HOUR) AS cost_24h,
  sumIf(r.cost, toDate(toTimeZone(r.ts, {tz:String})) = toDate(toTimeZone({at:DateTime('UTC')}, {tz:String}))) AS cost_today
FROM tollgate.requests AS r FINAL
WHERE r.ts >= {at:DateTime('UTC')} - INTERVAL 48 HOUR AND r.ts < {at:DateTime('UTC')};

-- The newest event of each budget. What a budget has left now is control data: ask tollgate budgets state.
CREATE VIEW IF NOT EXISTS tollgate.budget_history{on_cluster} AS
SELECT
  b.customer AS customer, b.budget_id AS budget_id, max(b.ts) AS last_ts, argMax(b.kind, b.ts) AS last_kind, argMax(b.spent, b.ts) AS spent,
  argMax(b.limit_usd, b.ts) AS limit_usd, countIf(b.kind = 'soft') AS warnings, countIf(b.kind = 'blocked') AS refusals, countIf(b.kind = 'override') AS overrides
FROM tollgate.budget_events AS b
GROUP BY customer, budget_id
ORDER BY customer, budget_id;

-- The rest of the month is expected to cost what the same weekdays did on average in the four weeks before today; the interval is 95 % and takes days as independent.
CREATE VIEW IF NOT EXISTS tollgate.month_forecast{on_cluster} AS
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
CREATE VIEW IF NOT EXISTS tollgate.spend_outliers{on_cluster} AS
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

CREATE VIEW IF NOT EXISTS tollgate.dearest_requests{on_cluster} AS
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
CREATE VIEW IF NOT EXISTS tollgate.waste{on_cluster} AS
SELECT
  r.model AS model, count() AS requests, countIf(r.http_status >= 400 OR r.error_type != '') AS errors, countIf(r.http_status = 429) AS rate_limited,
  countIf(r.http_status = 529) AS overloaded, sumIf(r.cost, r.http_status >= 400 OR r.error_type != '') AS cost_errors,
  sumIf(r.cost, r.outcome != 'completed') AS cost_not_completed, sumIf(r.cost, r.usage_source IN ('partial', 'estimated')) AS cost_estimated
FROM tollgate.requests AS r FINAL
WHERE toDate(toTimeZone(r.ts, {tz:String})) BETWEEN {since:Date} AND {until:Date}
GROUP BY model
ORDER BY cost_errors DESC, model;

-- Exact quantiles, in milliseconds. A request without content has no time to its first token.
CREATE VIEW IF NOT EXISTS tollgate.latency{on_cluster} AS
SELECT
  r.model AS model, count() AS requests, quantilesExactLow(0.5, 0.95, 0.99)(r.latency_ms) AS latency_ms,
  quantilesExactLowIf(0.5, 0.95, 0.99)(intDiv(r.ttft_us, 1000), r.ttft_us > 0) AS ttft_ms
FROM tollgate.requests AS r FINAL
WHERE toDate(toTimeZone(r.ts, {tz:String})) BETWEEN {since:Date} AND {until:Date}
GROUP BY model
ORDER BY requests DESC, model;

-- By week from Monday. A developer is active on a day with a request.
CREATE VIEW IF NOT EXISTS tollgate.adoption{on_cluster} AS
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
CREATE VIEW IF NOT EXISTS tollgate.integrity{on_cluster} AS
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
CREATE VIEW IF NOT EXISTS tollgate.sequence_holes{on_cluster} AS
SELECT
  q.gateway_id AS gateway_id, q.first_seq AS first_seq, max(q.wal_seq) AS last_seq, count() AS rows,
  max(q.wal_seq) - q.first_seq + 1 - uniqExact(q.wal_seq) AS missing, count() - uniqExact(q.wal_seq) AS duplicates
FROM (
  SELECT r.gateway_id AS gateway_id, r.wal_seq AS wal_seq, s.first_seq AS first_seq
  FROM tollgate.requests AS r FINAL
  ASOF INNER JOIN tollgate.spools AS s ON r.gateway_id = s.gateway_id AND r.wal_seq >= s.first_seq) AS q
GROUP BY gateway_id, first_seq
ORDER BY missing DESC, gateway_id, first_seq;
