-- A purge forgets what was kept aside and raised about a record, whatever became of it; without
-- these it walks both tables under the write lock.
CREATE INDEX parked_about ON parked (record) WHERE record IS NOT NULL;
CREATE INDEX parked_awaits ON parked (waits_for) WHERE waits_for IS NOT NULL;
CREATE INDEX alert_record ON alert (record) WHERE record IS NOT NULL;
