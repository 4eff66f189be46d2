-- Triggers that note writes from outside in the outbox: by psql, by another service, in another language. They are put on a table by
--     SELECT cachewright_watch('orders');
-- and taken off it by
--     SELECT cachewright_unwatch('orders');

-- +goose Up
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION cachewright_note() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp AS $note$
DECLARE
    most CONSTANT int := 256; -- rows that are told one by one; of more, the table is told
    keys jsonb;
    written text := '';
BEGIN
    IF TG_OP <> 'TRUNCATE' AND TG_NARGS > 0 THEN
        IF TG_OP <> 'INSERT' THEN
            written := 'SELECT o.* FROM old_rows o';
        END IF;
        IF TG_OP <> 'DELETE' THEN
            written := written || CASE WHEN TG_OP = 'UPDATE' THEN ' UNION ALL ' ELSE '' END || 'SELECT n.* FROM new_rows n';
        END IF;
        EXECUTE format(
            'SELECT CASE WHEN count(*) <= %s AND count(*) = count(k) THEN coalesce(jsonb_agg(jsonb_build_array(k)), ''[]'') END
             FROM (SELECT DISTINCT w.%I::text AS k FROM (%s) w LIMIT %s) d', most, TG_ARGV[0], written, most + 1)
        INTO keys;
        IF keys = '[]' THEN
            RETURN NULL; -- no row was written
        END IF;
    END IF;
    EXECUTE format('INSERT INTO %I.cachewright_outbox (table_name, row_keys) VALUES ($1, $2)',
        (SELECT n.nspname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         WHERE p.oid = (SELECT t.tgfoid FROM pg_trigger t WHERE t.tgrelid = TG_RELID AND t.tgname = TG_NAME)))
    USING TG_TABLE_NAME, keys;
    RETURN NULL;
END
$note$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION cachewright_unwatch(watched regclass) RETURNS void LANGUAGE plpgsql AS $unwatch$
DECLARE
    trigger_name text;
BEGIN
    FOR trigger_name IN SELECT tgname FROM pg_trigger
        WHERE tgrelid = watched AND tgname LIKE 'cachewright\_note\_%' AND NOT tgisinternal
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', trigger_name, watched);
    END LOOP;
END
$unwatch$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION cachewright_watch(watched regclass) RETURNS void LANGUAGE plpgsql AS $watch$
DECLARE
    key_column text;
    argument text := '';
    home text := (SELECT quote_ident(n.nspname) FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE p.proname = 'cachewright_note' AND pg_function_is_visible(p.oid));
BEGIN
    -- A key of one column of a type whose text is the same everywhere is told row by row; any other, by its table.
    SELECT a.attname INTO key_column FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
    WHERE i.indrelid = watched AND i.indisprimary AND i.indnkeyatts = 1
        AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype, 'uuid'::regtype, 'text'::regtype, 'varchar'::regtype, 'bool'::regtype);
    IF key_column IS NOT NULL THEN
        argument := quote_literal(key_column);
    END IF;
    PERFORM cachewright_unwatch(watched);
    EXECUTE format('CREATE TRIGGER cachewright_note_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION %s.cachewright_note(%s)', watched, home, argument);
    EXECUTE format('CREATE TRIGGER cachewright_note_update AFTER UPDATE ON %s REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION %s.cachewright_note(%s)', watched, home, argument);
    EXECUTE format('CREATE TRIGGER cachewright_note_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS old_rows
        FOR EACH STATEMENT EXECUTE FUNCTION %s.cachewright_note(%s)', watched, home, argument);
    EXECUTE format('CREATE TRIGGER cachewright_note_truncate AFTER TRUNCATE ON %s
        FOR EACH STATEMENT EXECUTE FUNCTION %s.cachewright_note()', watched, home);
END
$watch$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DO $down$
DECLARE
    watched regclass;
BEGIN
    FOR watched IN SELECT DISTINCT tgrelid::regclass FROM pg_trigger WHERE tgname LIKE 'cachewright\_note\_%' AND NOT tgisinternal
    LOOP
        PERFORM cachewright_unwatch(watched);
    END LOOP;
END
$down$;
-- +goose StatementEnd

DROP FUNCTION IF EXISTS cachewright_watch(regclass);

DROP FUNCTION IF EXISTS cachewright_unwatch(regclass);

DROP FUNCTION IF EXISTS cachewright_note();
