-- Where a spool begins. A gateway numbers its rows without holes over restarts; only a new spool directory starts anew, at (unix ms << 20).
-- With these rows a hole in wal_seq can be told from the beginning of a spool by SQL alone.
CREATE TABLE IF NOT EXISTS tollgate.spools{on_cluster}
(
  gateway_id LowCardinality(String),
  first_seq  UInt64,
  created_at DateTime64(3,'UTC') DEFAULT now64(3)
)
ENGINE = {replicated:ReplacingMergeTree}
ORDER BY (gateway_id, first_seq)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1;

-- What remains of rows when the disk was full: sums of many attempts, so a fold is no row of requests. The rollup adds it to them.
-- Sent twice, a fold counts once: fold_id is part of its key. Read it with FINAL.
CREATE TABLE IF NOT EXISTS tollgate.usage_folded{on_cluster}
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
ENGINE = {replicated:ReplacingMergeTree(ingested_at)}
PARTITION BY toYYYYMM(slot)
ORDER BY (customer, slot, team, project, developer, key_id, provider, model, fold_id)
TTL slot + INTERVAL 25 MONTH DELETE
SETTINGS non_replicated_deduplication_window = 10000, ttl_only_drop_parts = 1, fsync_after_insert = 1, fsync_part_directory = 1;

-- A value more at the end of an enum changes no stored byte.
ALTER TABLE tollgate.requests{on_cluster} MODIFY COLUMN outcome
  Enum8('unknown'=0,'completed'=1,'upstream_error'=2,'error_event'=3,'upstream_truncated'=4,'upstream_stalled'=5,
        'client_aborted'=6,'client_stalled'=7,'incomplete'=8,'crashed'=9,'refused'=10,'unreachable'=11,'gateway_stopped'=12);

-- Lets the rollup find what came since its last run without reading the whole column. A part from before reads as it did until it is merged.
ALTER TABLE tollgate.requests{on_cluster} ADD INDEX IF NOT EXISTS ix_ingested ingested_at TYPE minmax GRANULARITY 1;

-- The spool deletes its copy of a batch once the insert is acknowledged, so by then the rows must outlive a power cut.
ALTER TABLE tollgate.requests{on_cluster} MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
