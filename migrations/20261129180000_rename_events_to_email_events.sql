-- `events` becomes `email_events`, and `events_rejected` becomes `email_events_rejected`: the lake has a table of product
-- events and one of app events, and the tables of email events had different names in Postgres and in the lake.
--
-- Partitions and their indexes are renamed from events_… to email_…, one letter shorter. `email_events_…` would not fit
-- into the 63 bytes of a name for an index on a metadata key of 40 bytes.

-- A running merge has the names of its sources in a table. Giving it up loses a copy and no event.
select merge_abandon();

-- The tables first: that is the order in which loaders and readers take their locks.
alter table events rename to email_events;
alter table events_rejected rename to email_events_rejected;

do $$
declare
    here constant oid := (select relnamespace from pg_class where oid = 'email_events'::regclass);
    relation record;
begin
    -- The tables before their indexes. A detached partition that was never dropped is one of the tables.
    for relation in
        select
            pg_class.relname,
            case when pg_class.relkind = 'r' then 'table' else 'index' end as kind,
            case
                when pg_class.relname ~ '^events_[wx][0-9a-f]' then 'email_' || substr(pg_class.relname, 8)
                else 'email_' || pg_class.relname
            end as renamed
        from pg_class
        left join pg_index
            on pg_index.indexrelid = pg_class.oid
        left join pg_class as indexed
            on indexed.oid = pg_index.indrelid
        where pg_class.relnamespace = here
            and (
                pg_class.relkind = 'r' and pg_class.relname ~ '^events_w[0-9]{6}(_[0-9]{2})?$|^events_x[0-9a-f]+$'
                or pg_class.relkind in ('i', 'I')
                    and pg_class.relname ~ '^events_'
                    and indexed.relname ~ '^(email_events|events_[wx][0-9a-f])'
            )
        order by pg_class.relkind = 'r' desc, pg_class.relname
    loop
        execute format('alter %s %I rename to %I', relation.kind, relation.relname, relation.renamed);
    end loop;
end
$$;

-- The bodies of functions name the tables. Each is defined again with the new names; owner, rights and settings stay.
do $$
declare
    here constant oid := (select relnamespace from pg_class where oid = 'email_events'::regclass);
    replaced constant text[] := array[
        $r$'events'::regclass$r$, $r$'email_events'::regclass$r$,
        'alter table events ', 'alter table email_events ',
        'lock table only events ', 'lock table only email_events ',
        '(like events ', '(like email_events ',
        $r$'events_w'$r$, $r$'email_w'$r$,
        $r$'events_x'$r$, $r$'email_x'$r$,
        '^events_w[', '^email_w[',
        'substr(pg_class.relname, 9, 6)', 'substr(pg_class.relname, 8, 6)',
        'substr(pg_class.relname, 16, 2)', 'substr(pg_class.relname, 15, 2)'
    ];
    routine record;
    definition text;
begin
    for routine in
        select oid, proname
        from pg_proc
        where pronamespace = here
            and proname in (
                'event_partitions', 'partition_name', 'ensure_partition_at', 'merge_begin', 'merge_copy',
                'merge_next_index', 'merge_apply', 'merge_swap'
            )
    loop
        definition := pg_get_functiondef(routine.oid);
        for pair in 1 .. array_length(replaced, 1) / 2 loop
            definition := replace(definition, replaced[2 * pair - 1], replaced[2 * pair]);
        end loop;
        execute definition;
    end loop;

    for routine in
        select proname
        from pg_proc
        where pronamespace = here
            -- Comments within a body speak of events.
            and regexp_replace(prosrc, '--[^\n]*', '', 'g') ~ '\m(from|into|table|only|like|update|join|on) events\M|''events|events_[wx]'
    loop
        raise exception 'function % still names the table events', routine.proname;
    end loop;
end
$$;
