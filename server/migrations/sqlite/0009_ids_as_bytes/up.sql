-- Ids of records as their 16 bytes, where there are most of them: less than half of an index's page.
CREATE TABLE record_after (
    id         BLOB    NOT NULL PRIMARY KEY,
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
CREATE INDEX record_conflicted ON record_after (id) WHERE conflicted = 1;
CREATE INDEX record_kind ON record_after (kind, time);
CREATE INDEX record_parent ON record_after (parent) WHERE parent IS NOT NULL;
INSERT INTO record_after
SELECT unhex(replace(id, '-', '')), scope_id, head, kind, parent, rev, created_at, time, void, conflicted, body, run
FROM record ORDER BY rowid;
DROP TABLE record;
ALTER TABLE record_after RENAME TO record;

CREATE TABLE purged_after (
    id BLOB    NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO purged_after SELECT coalesce(unhex(replace(id, '-', '')), CAST(id AS BLOB)), at FROM purged;
DROP TABLE purged;
ALTER TABLE purged_after RENAME TO purged;
