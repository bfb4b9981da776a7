-- Look-ups in one index again.
ALTER TABLE lookup DROP CONSTRAINT lookup_pkey;
ALTER TABLE lookup DROP COLUMN run;
ALTER TABLE lookup ADD PRIMARY KEY (hash, record);
ALTER TABLE record DROP COLUMN run;
DROP TABLE lookup_run;
