-- The tallies of a scope and kind change together and stand together: one row, as JSON, name by name and
-- value by value, with how many live and how many a purge closed.
ALTER TABLE tally RENAME TO tally_before;
CREATE TABLE tally (
    scope_id INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    body     BLOB    NOT NULL,
    PRIMARY KEY (scope_id, kind)
) STRICT;
INSERT INTO tally (scope_id, kind, body)
SELECT scope_id, kind, CAST(json_group_object(name, json(counts)) AS BLOB)
FROM (SELECT scope_id, kind, name, json_group_object(value, json_array(live, closed)) AS counts
      FROM tally_before
      GROUP BY scope_id, kind, name)
GROUP BY scope_id, kind;
DROP TABLE tally_before;
