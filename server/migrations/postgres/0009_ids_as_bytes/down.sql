-- Ids as texts again.
ALTER TABLE record ALTER COLUMN id TYPE TEXT COLLATE "C" USING encode(id, 'hex')::uuid::text;
ALTER TABLE purged ALTER COLUMN id TYPE TEXT COLLATE "C" USING
    CASE WHEN length(id) = 16 THEN encode(id, 'hex')::uuid::text ELSE convert_from(id, 'UTF8') END;
