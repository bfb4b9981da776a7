-- Ids as texts again.
CREATE TABLE record_before (
    id         TEXT    NOT NULL PRIMARY KEY,
    scope_id   INTEGER NOT NULL,
    head       INTEGER NOT NULL,
    kind       TEXT    NOT NULL,
    parent     TEXT,
    rev        INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    time       INTEGER NOT NULL,
    void       INTEGER NOT NULL CHECK (void IN (0, 1)),
    conflicted INTEGER NOT NULL CHECK (conflicted IN (0, 1)),
    body       BLOB    NOT NULL,
    run        INTEGER NOT NULL DEFAULT 1,
    UNIQUE (scope_id, head)
) STRICT;
-- On the empty table: SQLite would sort whole tables in memory.
DROP INDEX record_conflicted;
DROP INDEX record_kind;
DROP INDEX record_parent;
CREATE INDEX record_conflicted ON record_before (id) WHERE conflicted = 1;
CREATE INDEX record_kind ON record_before (kind, time);
CREATE INDEX record_parent ON record_before (parent) WHERE parent IS NOT NULL;
INSERT INTO record_before
SELECT substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-' || substr(h, 13, 4) || '-' || substr(h, 17, 4) || '-' || substr(h, 21),
       scope_id, head, kind, parent, rev, created_at, time, void, conflicted, body, run
FROM (SELECT lower(hex(id)) AS h, * FROM record ORDER BY rowid);
DROP TABLE record;
ALTER TABLE record_before RENAME TO record;

CREATE TABLE purged_before (
    id TEXT    NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO purged_before
SELECT CASE length(id)
         WHEN 16 THEN substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-' || substr(h, 13, 4) || '-' || substr(h, 17, 4) || '-' || substr(h, 21)
         ELSE CAST(id AS TEXT) END, at
FROM (SELECT lower(hex(id)) AS h, * FROM purged);
DROP TABLE purged;
ALTER TABLE purged_before RENAME TO purged;
