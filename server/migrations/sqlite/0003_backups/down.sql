-- Takes the record of backups away; phones then keep their copies until one is on record again.
DROP TABLE backup_ack;
DROP TABLE backup;
