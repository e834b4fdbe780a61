-- What budgets did: a history to read, while the budgets themselves are control data and live elsewhere.
CREATE TABLE IF NOT EXISTS tollgate.budget_events{on_cluster}
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
ENGINE = {replicated:MergeTree}
PARTITION BY toYYYYMM(ts)
ORDER BY (customer, ts)
SETTINGS non_replicated_deduplication_window = 1000;

-- The provider's own bill, day by day (UTC), to hold the ledger against.
CREATE TABLE IF NOT EXISTS tollgate.invoice_lines{on_cluster}
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
ENGINE = {replicated:ReplacingMergeTree(version)}
ORDER BY (provider, day, workspace, model, token_type);
