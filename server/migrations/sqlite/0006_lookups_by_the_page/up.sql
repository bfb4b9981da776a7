-- Look-ups stand packed, 32 bytes each: a hash and a record's id, in order. What a transaction brings is
-- one row of `lookup_batch`; a full run is sorted into one row of `lookup` for each first byte of a hash.
CREATE TABLE lookup_batch (
    id   INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    run  INTEGER NOT NULL,
    body BLOB    NOT NULL
) STRICT;

ALTER TABLE lookup RENAME TO lookup_before;
CREATE TABLE lookup (
    run    INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    body   BLOB    NOT NULL,
    PRIMARY KEY (run, bucket)
) STRICT;
-- Bucket by bucket along the key: SQLite would sort all of them at once in memory.
INSERT INTO lookup (run, bucket, body)
WITH RECURSIVE
    byte (bucket) AS (SELECT 0 UNION ALL SELECT bucket + 1 FROM byte WHERE bucket < 255),
    span (bucket, low, high) AS (
        SELECT bucket, unhex(printf('%02x', bucket)),
               CASE bucket WHEN 255 THEN unhex(printf('%.*c', 64, 'f')) ELSE unhex(printf('%02x', bucket + 1)) END
        FROM byte
    )
SELECT * FROM (
    SELECT one.run, span.bucket,
           (SELECT unhex(group_concat(hex(hash) || replace(record, '-', ''), '' ORDER BY hash, record))
            FROM lookup_before
            WHERE run = one.run AND hash >= span.low AND hash < span.high) AS body
    FROM (SELECT DISTINCT run FROM lookup_before) AS one, span
)
WHERE body IS NOT NULL;
DROP TABLE lookup_before;
