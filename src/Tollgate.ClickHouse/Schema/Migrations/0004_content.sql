-- Content, when it is switched on: a request as the list of its messages' hashes. Kept 30 days, apart from the ledger.
CREATE TABLE IF NOT EXISTS tollgate.payloads{on_cluster}
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
ENGINE = {replicated:MergeTree}
PARTITION BY toYYYYMMDD(ts)
ORDER BY (customer, ts, attempt_id)
TTL toDateTime(ts) + INTERVAL 30 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, index_granularity_bytes = '64Mi', merge_max_block_size_bytes = '64Mi';

-- The messages themselves, each once a day: a client sends its whole history with every turn.
CREATE TABLE IF NOT EXISTS tollgate.content{on_cluster}
(
  day   Date,
  hash  UInt128,
  kind  Enum8('system'=1,'tools'=2,'message'=3),
  role  LowCardinality(String),
  bytes UInt32,
  body  String CODEC(ZSTD(3)),
  INDEX ft_body body TYPE text(tokenizer = splitByNonAlpha, preprocessor = lower(body))
)
ENGINE = {replicated:ReplacingMergeTree}
PARTITION BY day
ORDER BY hash
TTL day + INTERVAL 30 DAY DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, index_granularity_bytes = '64Mi';
