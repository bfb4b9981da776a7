-- Look-ups one by one again.
CREATE TABLE lookup_before (
    hash     BLOB    NOT NULL,
    record   TEXT    NOT NULL,
    scope_id INTEGER NOT NULL,
    run      INTEGER NOT NULL,
    PRIMARY KEY (run, hash, record)
) STRICT, WITHOUT ROWID;
WITH RECURSIVE
    packed (run, body) AS (SELECT run, body FROM lookup UNION ALL SELECT run, body FROM lookup_batch),
    pair (run, body, place) AS (
        SELECT run, body, 1 FROM packed
        UNION ALL
        SELECT run, body, place + 32 FROM pair WHERE place + 32 < length(body)
    ),
    one (run, hash, id) AS (
        SELECT run, substr(body, place, 16), lower(hex(substr(body, place + 16, 16))) FROM pair
    )
INSERT OR IGNORE INTO lookup_before (hash, record, scope_id, run)
SELECT one.hash, record.id, record.scope_id, one.run
FROM one
JOIN record ON record.id = substr(one.id, 1, 8) || '-' || substr(one.id, 9, 4) || '-' || substr(one.id, 13, 4)
    || '-' || substr(one.id, 17, 4) || '-' || substr(one.id, 21);
DROP TABLE lookup;
DROP TABLE lookup_batch;
ALTER TABLE lookup_before RENAME TO lookup;
