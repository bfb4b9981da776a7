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
INSERT INTO lookup (run, bucket, body)
SELECT run, bucket, unhex(group_concat(pair, '' ORDER BY pair))
FROM (SELECT run,
             16 * (instr('123456789ABCDEF', substr(hex(hash), 1, 1)))
                + instr('123456789ABCDEF', substr(hex(hash), 2, 1)) AS bucket,
             hex(hash) || upper(replace(record, '-', '')) AS pair
      FROM lookup_before)
GROUP BY run, bucket;
DROP TABLE lookup_before;
