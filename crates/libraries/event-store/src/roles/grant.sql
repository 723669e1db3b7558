-- Run by the owner of the tables after every migration. Partitions need no rights of their own: who reads and writes does
-- so through `email_events`, and partitions are made by a function that works with its owner's rights.
do $$
declare
    reader text;
begin
    if exists (select from pg_roles where rolname = 'cistern_loader') then
        grant select, insert, update on batches to cistern_loader;
        grant select, insert on email_events, email_events_rejected to cistern_loader;
        -- The first of them is what the loader of the last release calls.
        grant execute on function ensure_partition(timestamptz), ensure_partition_at(timestamptz), event_partitions()
            to cistern_loader;
        -- The role that writes computes the expressions of an index.
        grant execute on function
            foldable(text), folded(text), folded_address(text), folded_domain_words(text), folded_words(text),
            folded_words(text, text), unfolded(text, text, text, text, text, text, text, text, jsonb)
            to cistern_loader;
    end if;
    if exists (select from pg_roles where rolname = 'cistern_eraser') then
        grant select, delete on email_events, email_events_rejected to cistern_eraser;
    end if;
    foreach reader in array array['cistern_query', 'cistern_sql'] loop
        if exists (select from pg_roles where rolname = reader) then
            execute format('grant select on email_events, batches, email_events_rejected, _sqlx_migrations to %I', reader);
            execute format(
                'grant execute on function
                    foldable(text), folded(text), folded_address(text), folded_domain_words(text), folded_words(text),
                    folded_words(text, text), unfolded(text, text, text, text, text, text, text, text, jsonb)
                    to %I',
                reader
            );
        end if;
    end loop;
end
$$;
