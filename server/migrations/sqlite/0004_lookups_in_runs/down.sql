-- Look-ups in one index again.
ALTER TABLE lookup RENAME TO lookup_after;
CREATE TABLE lookup (
    hash     BLOB    NOT NULL,
    record   TEXT    NOT NULL,
    scope_id INTEGER NOT NULL,
    PRIMARY KEY (hash, record)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO lookup (hash, record, scope_id) SELECT hash, record, scope_id FROM lookup_after;
DROP TABLE lookup_after;
ALTER TABLE record DROP COLUMN run;
DROP TABLE lookup_run;
