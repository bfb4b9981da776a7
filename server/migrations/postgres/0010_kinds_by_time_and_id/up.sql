-- With ids again, which take 16 bytes by now: an import gives all its households one moment, and each page
-- of a list, or of what is due, would sort them all.
DROP INDEX record_kind;
CREATE INDEX record_kind ON record (kind, time, id);
