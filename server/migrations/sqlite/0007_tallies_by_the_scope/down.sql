-- Tallies one by one again.
ALTER TABLE tally RENAME TO tally_after;
CREATE TABLE tally (
    scope_id INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    value    TEXT    NOT NULL,
    live     INTEGER NOT NULL,
    closed   INTEGER NOT NULL,
    PRIMARY KEY (scope_id, kind, name, value)
) STRICT, WITHOUT ROWID;
INSERT INTO tally (scope_id, kind, name, value, live, closed)
SELECT t.scope_id, t.kind, n.key, v.key, v.value ->> 0, v.value ->> 1
FROM tally_after t, json_each(CAST(t.body AS TEXT)) n, json_each(n.value) v;
DROP TABLE tally_after;
