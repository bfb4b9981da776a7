-- With ids again, by which records of one moment are in order.
DROP INDEX record_kind;
CREATE INDEX record_kind ON record (kind, time, id);
