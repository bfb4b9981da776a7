-- Cursors below the floor are void; at 0 there are none.
DROP INDEX exit_at;
DROP INDEX parked_at;
ALTER TABLE scope ADD COLUMN floor INTEGER NOT NULL DEFAULT 0;
