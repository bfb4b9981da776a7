-- Backups on record, and how far each device had come in each of them: what a phone need not keep
-- any longer is said by the oldest one off the machine that may still be restored.
CREATE TABLE backup (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    at           BIGINT NOT NULL,
    epoch        BIGINT NOT NULL,
    name         TEXT COLLATE "C" NOT NULL,
    sha256       TEXT COLLATE "C" NOT NULL UNIQUE,
    bytes        BIGINT NOT NULL,
    confirmed_at BIGINT
);

CREATE TABLE backup_ack (
    backup TEXT COLLATE "C" NOT NULL REFERENCES backup (id),
    device BIGINT NOT NULL,
    ack    BIGINT NOT NULL,
    PRIMARY KEY (backup, device)
);
