-- Run by somebody who may make roles, in the database of events. Running it again changes nothing.
do $$
declare
    role_name text;
begin
    foreach role_name in array array['cistern_migrator', 'cistern_loader', 'cistern_query', 'cistern_sql', 'cistern_eraser'] loop
        if not exists (select from pg_roles where rolname = role_name) then
            execute format('create role %I login', role_name);
        end if;
        -- On RDS: logs in with a token of IAM's, and never with a password.
        if exists (select from pg_roles where rolname = 'rds_iam') then
            execute format('grant rds_iam to %I', role_name);
        end if;
        execute format('grant usage on schema %I to %I', current_schema(), role_name);
    end loop;
    execute format('grant create on schema %I to cistern_migrator', current_schema());
    -- Searches could not write in any case. This says so at the first attempt.
    execute format('alter role cistern_query in database %I set default_transaction_read_only = on', current_database());
    -- As many searches run at once as are asked for, each with a connection. Half of all are theirs, so that loaders always
    -- get in.
    execute format('alter role cistern_query connection limit %s', greatest(current_setting('max_connections')::int / 2, 10));
    -- Statements that callers write read as searches do, and little at once: they must leave connections and processors to
    -- loaders and searches. The settings hold for everybody who logs in as this role.
    execute format('alter role cistern_sql in database %I set default_transaction_read_only = on', current_database());
    execute format('alter role cistern_sql in database %I set statement_timeout = %L', current_database(), '10s');
    execute format('alter role cistern_sql in database %I set lock_timeout = %L', current_database(), '1s');
    execute format('alter role cistern_sql in database %I set idle_in_transaction_session_timeout = %L', current_database(), '10s');
    alter role cistern_sql connection limit 4;
    alter role cistern_eraser connection limit 2;
    -- What a sort or a join spills must not fill the disk. Not everybody who makes roles may set this.
    begin
        execute format('alter role cistern_sql in database %I set temp_file_limit = %L', current_database(), '1GB');
    exception when insufficient_privilege then
        null;
    end;
end
$$;
