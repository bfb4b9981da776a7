-- Takes the indexes of forgetting away; nothing but time is lost.
DROP INDEX alert_record;
DROP INDEX parked_awaits;
DROP INDEX parked_about;
