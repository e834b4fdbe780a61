-- Run before every migration where its table is not there yet: the database, and the table that remembers which migrations ran.
-- Keyed by version and checksum, so that two binaries with different texts for one version are both remembered and found out.
CREATE DATABASE IF NOT EXISTS tollgate{on_cluster};

CREATE TABLE IF NOT EXISTS tollgate.schema_migrations{on_cluster}
(
  version    UInt32,
  name       String,
  checksum   FixedString(32),
  applied_at DateTime64(3,'UTC') DEFAULT now64(3),
  applied_by String
)
ENGINE = {replicated:ReplacingMergeTree(applied_at)}
ORDER BY (version, checksum);
