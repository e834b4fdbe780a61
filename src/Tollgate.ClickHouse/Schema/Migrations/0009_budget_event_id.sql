-- Names each event, so that a gateway can ask which are there before it writes any again. Events from before have none (all zeros).
ALTER TABLE tollgate.budget_events{on_cluster} ADD COLUMN IF NOT EXISTS event_id UUID;

-- An event is forgotten elsewhere once its insert is acknowledged: it must be on disk by then, as rows of the ledger are.
ALTER TABLE tollgate.budget_events{on_cluster} MODIFY SETTING fsync_after_insert = 1, fsync_part_directory = 1;
