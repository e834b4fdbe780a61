#!/bin/bash
# Run once by ClickHouse's image, after grants.sql: the users of deploy/compose.yaml, with the passwords of its environment.
# owner runs the migrations and must stay: the materialized views run with its rights.
set -euo pipefail
user() {
  clickhouse-client --user "$CLICKHOUSE_USER" --password "$CLICKHOUSE_PASSWORD" \
    --query "CREATE USER IF NOT EXISTS $1 IDENTIFIED WITH sha256_hash BY '$(printf %s "$3" | sha256sum | cut -d' ' -f1)'"
  clickhouse-client --user "$CLICKHOUSE_USER" --password "$CLICKHOUSE_PASSWORD" --query "GRANT $2 TO $1"
}
user owner tollgate_migrator "$OWNER_PASSWORD"
user gateway tollgate_writer "$GATEWAY_PASSWORD"
user reader tollgate_reader "$READER_PASSWORD"
