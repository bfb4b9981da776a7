-- Look-ups one by one again.
CREATE TABLE lookup_before (
    hash     BYTEA  NOT NULL,
    record   TEXT COLLATE "C" NOT NULL,
    scope_id BIGINT NOT NULL,
    run      BIGINT NOT NULL
);
INSERT INTO lookup_before (hash, record, scope_id, run)
SELECT DISTINCT substring(packed.body FROM place FOR 16), record.id, record.scope_id, packed.run
FROM (SELECT run, body FROM lookup UNION ALL SELECT run, body FROM lookup_batch) AS packed
CROSS JOIN LATERAL generate_series(1, length(packed.body), 32) AS place
JOIN record ON record.id = encode(substring(packed.body FROM place + 16 FOR 16), 'hex')::uuid::text;
DROP TABLE lookup;
DROP TABLE lookup_batch;
ALTER TABLE lookup_before RENAME TO lookup;
ALTER TABLE lookup ADD PRIMARY KEY (run, hash, record);
