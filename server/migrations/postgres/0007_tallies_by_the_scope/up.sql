-- The tallies of a scope and kind change together and stand together: one row, as JSON, name by name and
-- value by value, with how many live and how many a purge closed.
ALTER TABLE tally RENAME TO tally_before;
ALTER TABLE tally_before RENAME CONSTRAINT tally_pkey TO tally_before_pkey;
CREATE TABLE tally (
    scope_id BIGINT           NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    body     BYTEA            NOT NULL,
    PRIMARY KEY (scope_id, kind)
) WITH (fillfactor = 50);
INSERT INTO tally (scope_id, kind, body)
SELECT scope_id, kind, convert_to(json_object_agg(name, counts)::text, 'UTF8')
FROM (SELECT scope_id, kind, name, json_object_agg(value, json_build_array(live, closed)) AS counts
      FROM tally_before
      GROUP BY scope_id, kind, name) AS named
GROUP BY scope_id, kind;
DROP TABLE tally_before;
