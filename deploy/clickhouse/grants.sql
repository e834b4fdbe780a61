-- What a ClickHouse server must allow, as three roles. Run once, as a user that may grant (access_management), before the first tollgate migrate;
-- run it again after an upgrade that changes it. docs/team.md says which user gets which role.
-- Not a migration: a gateway's own user must not be able to grant, and the embedded engine keeps no users.
-- LeastPrivilegeTests holds these lists against the engine: with them and nothing else each part works;
-- but not those on system tables, which the library leaves open.

CREATE ROLE IF NOT EXISTS tollgate_writer, tollgate_reader, tollgate_migrator;

-- Gateways: write rows, sums and what budgets did, ask which the store has, roll the money up, audit. Not to change a schema, nor to delete.
GRANT SELECT, INSERT ON tollgate.requests TO tollgate_writer;
GRANT SELECT, INSERT ON tollgate.usage_folded TO tollgate_writer;
GRANT SELECT, INSERT ON tollgate.usage_15m_data TO tollgate_writer;
GRANT SELECT, INSERT ON tollgate.spools TO tollgate_writer;
GRANT SELECT, INSERT ON tollgate.prices TO tollgate_writer;
GRANT SELECT, INSERT ON tollgate.budget_events TO tollgate_writer;
GRANT SELECT ON tollgate.schema_migrations TO tollgate_writer;
GRANT SELECT ON system.processes TO tollgate_writer;

-- People and dashboards: read everything, change nothing. A view runs with the rights of who asks it, hence the whole database.
GRANT SELECT ON tollgate.* TO tollgate_reader;

-- tollgate migrate, before an upgrade, and tollgate migrate rebuild. The materialized views that fill usage_1m and sessions run with the rights of the
-- user that made them, so never drop that user.
GRANT CREATE DATABASE, CREATE TABLE, CREATE VIEW ON tollgate.* TO tollgate_migrator;
GRANT SELECT, INSERT, ALTER ON tollgate.* TO tollgate_migrator;
GRANT SELECT ON system.tables TO tollgate_migrator;
GRANT SELECT ON system.columns TO tollgate_migrator;
