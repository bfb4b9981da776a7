DROP INDEX record_kind;
CREATE INDEX record_kind ON record (kind, time, id);
