DROP INDEX alert_record;
DROP INDEX parked_awaits;
DROP INDEX parked_about;
