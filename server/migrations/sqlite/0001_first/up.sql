-- The first shape of the store. STRICT tables: SQLite then keeps the types it was told.
-- Times are milliseconds since 1970 UTC; booleans are 0 or 1; ids of records are lower-case text.

CREATE TABLE epoch (
    epoch     INTEGER NOT NULL PRIMARY KEY,
    at        INTEGER NOT NULL,
    opened_by TEXT    NOT NULL
) STRICT;

CREATE TABLE meta (
    name  TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A list of areas comes in any order, so the parent is looked for only at commit.
CREATE TABLE area (
    code        TEXT NOT NULL PRIMARY KEY,
    parent      TEXT REFERENCES area (code) DEFERRABLE INITIALLY DEFERRED,
    level       TEXT NOT NULL,
    name        TEXT NOT NULL,
    path        TEXT NOT NULL UNIQUE,
    timezone    TEXT,
    valid_from  INTEGER,
    valid_until INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX area_parent ON area (parent);

CREATE TABLE account (
    id            INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    login         TEXT    NOT NULL UNIQUE,
    name          TEXT    NOT NULL,
    password      TEXT,
    active        INTEGER NOT NULL CHECK (active IN (0, 1)),
    created_at    INTEGER NOT NULL,
    sessions_from INTEGER NOT NULL
) STRICT;

CREATE TABLE grants (
    id         INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    account    INTEGER NOT NULL REFERENCES account (id),
    role       TEXT    NOT NULL,
    area       TEXT    NOT NULL REFERENCES area (code),
    from_at    INTEGER NOT NULL,
    until_at   INTEGER,
    revoked_at INTEGER,
    made_by    INTEGER,
    made_at    INTEGER NOT NULL
) STRICT;
CREATE INDEX grants_account ON grants (account);
CREATE INDEX grants_area ON grants (area);

CREATE TABLE enrolment (
    code_hash  BLOB    NOT NULL PRIMARY KEY,
    account    INTEGER NOT NULL REFERENCES account (id),
    made_by    INTEGER NOT NULL,
    made_at    INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER,
    device     INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX enrolment_account ON enrolment (account);

-- Numbers 1 to 999 are leased by server processes; those rows have account 0.
CREATE TABLE device (
    number       INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL CHECK (number BETWEEN 1 AND 4294967295),
    line         INTEGER NOT NULL,
    account      INTEGER NOT NULL,
    token_hash   BLOB    NOT NULL UNIQUE,
    state        TEXT    NOT NULL CHECK (state IN ('active', 'push_only', 'blocked')),
    name         TEXT    NOT NULL,
    enrolled_at  INTEGER NOT NULL,
    seen_at      INTEGER NOT NULL,
    ack          INTEGER NOT NULL,
    marks        BLOB    NOT NULL,
    durable      INTEGER NOT NULL,
    durable_next INTEGER NOT NULL,
    durable_at   INTEGER NOT NULL,
    skew         INTEGER,
    epoch_seen   INTEGER NOT NULL,
    -- The number that a phone left when its copies parted, and the last change under it that the
    -- phone knew to be the server's too.
    left_number  INTEGER,
    knew         INTEGER NOT NULL
) STRICT;
CREATE INDEX device_account ON device (account);
CREATE INDEX device_line ON device (line);
INSERT INTO sqlite_sequence (name, seq) VALUES ('device', 999);

CREATE TABLE scope (
    id     INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    name   TEXT    NOT NULL UNIQUE,
    area   TEXT    NOT NULL REFERENCES area (code),
    day    TEXT,
    head   INTEGER NOT NULL,
    floor  INTEGER NOT NULL,
    leaps  TEXT    NOT NULL,
    purged INTEGER NOT NULL CHECK (purged IN (0, 1))
) STRICT;
CREATE INDEX scope_area ON scope (area, day);

-- scope_kind, record, exit and tally are written only by a fold, which holds the row of their scope:
-- they have no foreign key to it, which would be checked row by row (docs/adr/0017-folds-beside-each-other.md).
CREATE TABLE scope_kind (
    scope_id INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    count    INTEGER NOT NULL,
    digest   INTEGER NOT NULL,
    PRIMARY KEY (scope_id, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE record (
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
    UNIQUE (scope_id, head)
) STRICT;
CREATE INDEX record_conflicted ON record (id) WHERE conflicted = 1;
CREATE INDEX record_kind ON record (kind, time, id);
CREATE INDEX record_parent ON record (parent) WHERE parent IS NOT NULL;

CREATE TABLE exit (
    scope_id INTEGER NOT NULL,
    record   TEXT    NOT NULL,
    head     INTEGER NOT NULL,
    reason   TEXT    NOT NULL,
    to_scope INTEGER,
    at       INTEGER NOT NULL,
    PRIMARY KEY (scope_id, record),
    UNIQUE (scope_id, head)
) STRICT, WITHOUT ROWID;
CREATE INDEX exit_record ON exit (record);

CREATE TABLE history (
    id      INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    record  TEXT    NOT NULL,
    field   TEXT    NOT NULL,
    rev     INTEGER NOT NULL,
    stamp   TEXT    NOT NULL,
    device  INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    account INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    value   BLOB    NOT NULL
) STRICT;
CREATE INDEX history_record ON history (record);

-- Parked and invalid changes, as they came. Nothing refers to other tables here:
-- a change that names what does not exist is kept all the same.
CREATE TABLE parked (
    id           INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    device       INTEGER NOT NULL,
    line         INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    account      INTEGER NOT NULL,
    verdict      TEXT    NOT NULL,
    code         TEXT    NOT NULL,
    detail       TEXT    NOT NULL,
    kind         TEXT,
    record       TEXT,
    area         TEXT,
    waits_for    TEXT,
    content_hash BLOB    NOT NULL,
    body         BLOB    NOT NULL,
    stamp        TEXT,
    raw          TEXT,
    clock        TEXT,
    base         INTEGER,
    at           INTEGER NOT NULL,
    late         INTEGER NOT NULL CHECK (late IN (0, 1)),
    state        TEXT    NOT NULL CHECK (state IN ('open', 'admitted', 'dismissed', 'superseded')),
    resolved_by  INTEGER,
    resolved_at  INTEGER,
    reason       TEXT
) STRICT;
CREATE INDEX parked_device ON parked (device, seq);
CREATE INDEX parked_line ON parked (line, content_hash);
CREATE INDEX parked_record ON parked (record) WHERE state = 'open';
CREATE INDEX parked_waits ON parked (waits_for) WHERE state = 'open';
CREATE INDEX parked_area ON parked (area, id);

CREATE TABLE kind (
    name       TEXT    NOT NULL,
    schema     INTEGER NOT NULL,
    definition TEXT    NOT NULL,
    at         INTEGER NOT NULL,
    PRIMARY KEY (name, schema)
) STRICT, WITHOUT ROWID;

CREATE TABLE policy (
    version INTEGER NOT NULL PRIMARY KEY,
    body    TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    account INTEGER
) STRICT;

CREATE TABLE tally (
    scope_id INTEGER NOT NULL,
    kind     TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    value    TEXT    NOT NULL,
    live     INTEGER NOT NULL,
    closed   INTEGER NOT NULL,
    PRIMARY KEY (scope_id, kind, name, value)
) STRICT, WITHOUT ROWID;

CREATE TABLE lookup (
    hash     BLOB    NOT NULL,
    record   TEXT    NOT NULL,
    scope_id INTEGER NOT NULL,
    PRIMARY KEY (hash, record)
) STRICT, WITHOUT ROWID;

CREATE TABLE purged (
    id TEXT    NOT NULL PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    id        INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    at        INTEGER NOT NULL,
    account   INTEGER NOT NULL,
    device    INTEGER,
    action    TEXT    NOT NULL,
    scope_id  INTEGER,
    from_head INTEGER,
    to_head   INTEGER,
    record    TEXT,
    count     INTEGER NOT NULL,
    purpose   TEXT
) STRICT;
CREATE INDEX audit_at ON audit (at);

CREATE TABLE alert (
    id        TEXT    NOT NULL PRIMARY KEY,
    at        INTEGER NOT NULL,
    code      TEXT    NOT NULL,
    area      TEXT,
    scope_id  INTEGER,
    record    TEXT,
    device    INTEGER,
    detail    TEXT    NOT NULL,
    state     TEXT    NOT NULL CHECK (state IN ('open', 'closed')),
    closed_by INTEGER,
    closed_at INTEGER
) STRICT;
CREATE INDEX alert_open ON alert (state, at);

CREATE TABLE idempotency (
    key     TEXT    NOT NULL,
    account INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    status  INTEGER NOT NULL,
    reply   BLOB    NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_at ON idempotency (at);
