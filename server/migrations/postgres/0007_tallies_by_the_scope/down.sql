-- Tallies one by one again.
ALTER TABLE tally RENAME TO tally_after;
ALTER TABLE tally_after RENAME CONSTRAINT tally_pkey TO tally_after_pkey;
CREATE TABLE tally (
    scope_id BIGINT NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    name     TEXT COLLATE "C" NOT NULL,
    value    TEXT COLLATE "C" NOT NULL,
    live     BIGINT NOT NULL,
    closed   BIGINT NOT NULL,
    PRIMARY KEY (scope_id, kind, name, value)
) WITH (fillfactor = 50);
INSERT INTO tally (scope_id, kind, name, value, live, closed)
SELECT t.scope_id, t.kind, n.key, v.key, (v.value ->> 0)::bigint, (v.value ->> 1)::bigint
FROM tally_after t
CROSS JOIN LATERAL json_each(convert_from(t.body, 'UTF8')::json) AS n
CROSS JOIN LATERAL json_each(n.value) AS v;
DROP TABLE tally_after;
