-- Look-ups stand in runs, one filled after the other: what is written now stands together, on pages
-- that are in memory, however many look-ups there are. `record.run` says where those of a record stand.
CREATE TABLE lookup_run (
    run INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at  INTEGER NOT NULL
) STRICT;
-- What was written before is the first run.
INSERT INTO lookup_run (run, at) SELECT 1, 0 WHERE EXISTS (SELECT 1 FROM lookup);

ALTER TABLE record ADD COLUMN run INTEGER NOT NULL DEFAULT 1;

ALTER TABLE lookup RENAME TO lookup_before;
CREATE TABLE lookup (
    hash     BLOB    NOT NULL,
    record   TEXT    NOT NULL,
    scope_id INTEGER NOT NULL,
    run      INTEGER NOT NULL,
    PRIMARY KEY (run, hash, record)
) STRICT, WITHOUT ROWID;
INSERT INTO lookup (hash, record, scope_id, run) SELECT hash, record, scope_id, 1 FROM lookup_before;
DROP TABLE lookup_before;
