-- Without ids, as it was made with them as bytes.
DROP INDEX record_kind;
CREATE INDEX record_kind ON record (kind, time);
