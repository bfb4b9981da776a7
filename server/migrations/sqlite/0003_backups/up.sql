-- Backups on record, and how far each device had come in each of them: what a phone need not keep
-- any longer is said by the oldest one off the machine that may still be restored.
CREATE TABLE backup (
    id           TEXT    NOT NULL PRIMARY KEY,
    at           INTEGER NOT NULL,
    epoch        INTEGER NOT NULL,
    name         TEXT    NOT NULL,
    sha256       TEXT    NOT NULL UNIQUE,
    bytes        INTEGER NOT NULL,
    confirmed_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE backup_ack (
    backup TEXT    NOT NULL REFERENCES backup (id),
    device INTEGER NOT NULL,
    ack    INTEGER NOT NULL,
    PRIMARY KEY (backup, device)
) STRICT, WITHOUT ROWID;
