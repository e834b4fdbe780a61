-- The price lists that gateways had, as US dollars per million tokens: a gateway writes its own when it is not the newest here. docs/prices.md.
-- A list is named by its content, so that gateways with the same list write one. What holds is the list that was written last.
-- valid_from is the first moment with a price, valid_until the first without it; both of UTC. over_tokens is the longest prompt without a long_prompt price.
CREATE TABLE IF NOT EXISTS tollgate.prices{on_cluster}
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
ENGINE = {replicated:ReplacingMergeTree(written_at)}
ORDER BY (list, model, mode, over_tokens, valid_from);

CREATE VIEW IF NOT EXISTS tollgate.price_list{on_cluster} AS
SELECT p.*
FROM tollgate.prices AS p FINAL
WHERE p.list = (SELECT argMax(n.list, n.written_at) FROM tollgate.prices AS n)
ORDER BY p.model, p.mode, p.over_tokens, p.valid_from;

-- The same tokens at another model's prices: its standard and long-prompt rates of the moment, its batch discount and its premium for inference in
-- the United States where the request had them. What was fast is told apart, since fast rates are not asked of the other model; searches keep their price.
-- Requests without a price, of their own or of the other model, are counted and left out of both sums. Each class is rounded as gateways round.
CREATE VIEW IF NOT EXISTS tollgate.what_if{on_cluster} AS
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
