-- Ids of records as their 16 bytes, where there are most of them: less than half of an index's page.
ALTER TABLE record ALTER COLUMN id TYPE BYTEA USING decode(replace(id, '-', ''), 'hex');
ALTER TABLE purged ALTER COLUMN id TYPE BYTEA USING
    CASE WHEN id ~ '^[0-9a-f-]{36}$' THEN decode(replace(id, '-', ''), 'hex') ELSE convert_to(id, 'UTF8') END;
