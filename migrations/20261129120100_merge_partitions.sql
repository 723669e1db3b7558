-- Merges closed partitions into a wider one, in steps that maintenance runs one after the other:
--
--   begin, then for each source watch and copy, then the indexes one by one, apply, swap
--
-- Each is one transaction, may be cut off at any point and run again, and takes "done already" for an answer. Nobody waits
-- for any of them but the last, which changes rows of the catalog. What happens to a source meanwhile is noted by a
-- trigger and applied before the swap, whether a row came late or was deleted.

-- Keys of rows that came, changed or went in a source since its watch began. May name a key more than once.
create table merging_changes (
    ts timestamptz not null,
    event_key uuid not null
);

create function note_merging_change()
returns trigger
language plpgsql
as $$
begin
    if tg_op = 'TRUNCATE' then
        update merging set is_spoiled = true;
        return null;
    end if;
    if tg_op <> 'INSERT' then
        insert into merging_changes (ts, event_key) values (old.ts, old.event_key);
    end if;
    if tg_op <> 'DELETE' then
        insert into merging_changes (ts, event_key) values (new.ts, new.event_key);
    end if;
    return null;
end
$$;

-- Works for the loader, which may write `events` alone.
do $$
begin
    execute format(
        'alter function note_merging_change() security definer set search_path = %I, pg_temp',
        current_schema()
    );
end
$$;

-- The sources of the merge that is going on: the partitions within its range, with what has been done to them.
create function merge_sources()
returns table (name text, lo timestamptz, hi timestamptz, is_watched boolean, is_copied boolean)
language sql
stable
as $$
    select
        part.name,
        part.lo,
        part.hi,
        exists (
            select
            from pg_trigger
            where tgrelid = format('%I', part.name)::regclass and tgname = 'note_merging_change'
        ),
        part.name = any (merging.copied)
    from merging
    join event_partitions() as part
        on part.is_attached
        and part.lo >= merging.lo
        and part.hi <= merging.hi
    order by part.lo
$$;

-- Begins to merge the partitions within a range; returns the name of the target.
create function merge_begin(from_ts timestamptz, to_ts timestamptz)
returns text
language plpgsql
as $$
declare
    target_name text := (select target from merging);
begin
    if target_name is not null then
        return target_name;
    end if;
    if exists (
        select
        from event_partitions() as part
        where part.lo < to_ts
            and part.hi > from_ts
            and (part.lo < from_ts or part.hi > to_ts or part.is_detaching or not part.is_attached)
    ) then
        raise exception 'a partition lies across the range' using errcode = 'object_in_use';
    end if;
    target_name := partition_name(from_ts, to_ts);
    -- The CHECK spares the swap a scan. Indexes come when the rows are there, in a third of the time.
    execute format(
        'create table %I (like events including all excluding indexes, %s, constraint %I check (ts >= %L and ts < %L))',
        target_name,
        (select pg_get_constraintdef(oid) from pg_constraint where conrelid = 'events'::regclass and contype = 'p'),
        target_name || '_range', from_ts, to_ts
    );
    insert into merging (target, lo, hi) values (target_name, from_ts, to_ts);
    return target_name;
end
$$;

-- Notes from now on what happens to a source. Waits for those who are writing to it, and for nobody else.
create function merge_watch(source text)
returns void
language plpgsql
as $$
begin
    execute format('lock table %I in share row exclusive mode', source);
    execute format(
        'create or replace trigger note_merging_change after insert or update or delete on %I
         for each row execute function note_merging_change()',
        source
    );
    execute format(
        'create or replace trigger note_merging_truncate after truncate on %I
         for each statement execute function note_merging_change()',
        source
    );
end
$$;

-- Copies a source that is watched. In the order of the primary key, which is how people read.
create function merge_copy(source text)
returns void
language plpgsql
as $$
declare
    running merging;
    columns constant text := (
        select string_agg(quote_ident(attname), ', ' order by attnum)
        from pg_attribute
        where attrelid = 'events'::regclass and attnum > 0 and not attisdropped and attgenerated = ''
    );
begin
    select * into strict running from merging for update;
    if source = any (running.copied) then
        return;
    end if;
    if not exists (select from merge_sources() as found where found.name = source and found.is_watched) then
        raise exception '% is not a watched source of the merge', source using errcode = 'object_in_use';
    end if;
    execute format(
        'insert into %I (%s) select %s from %I order by ts, event_key',
        running.target, columns, columns, source
    );
    update merging set copied = copied || source, is_finished = false;
end
$$;

-- The next index that the target lacks or has too many; null when it has what `events` has.
create function merge_next_index(out to_create text, out to_drop text)
language plpgsql
stable
as $$
declare
    target_id constant oid := (select format('%I', target)::regclass from merging);
begin
    -- Definitions are compared without their names and tables.
    with definitions as (
        select
            indrelid = target_id as is_of_target,
            indexrelid,
            case when indisunique then 'unique ' else '' end as kind,
            regexp_replace(pg_get_indexdef(indexrelid), '^.*? USING ', '') as definition
        from pg_index
        where indrelid in ('events'::regclass, target_id) and not indisprimary
    )
    select
        min(format('create %sindex on %s using %s', wanted.kind, target_id::regclass, wanted.definition))
            filter (where there.indexrelid is null),
        min('drop index ' || there.indexrelid::regclass) filter (where wanted.indexrelid is null)
    into to_create, to_drop
    from (select * from definitions where not is_of_target) as wanted
    full join (select * from definitions where is_of_target) as there
        on there.definition = wanted.definition
        and there.kind = wanted.kind
    where wanted.indexrelid is null or there.indexrelid is null;
end
$$;

-- Builds or drops one index of the target; false when there is nothing to do. ATTACH would build it under its locks.
create function merge_index()
returns boolean
language plpgsql
as $$
declare
    running merging;
    next_index constant record := merge_next_index();
begin
    select * into strict running from merging for update;
    if coalesce(next_index.to_drop, next_index.to_create) is null then
        return false;
    end if;
    execute coalesce(next_index.to_drop, next_index.to_create);
    update merging set is_finished = false;
    return true;
end
$$;

-- Brings up to so many noted changes into the target; returns how many there were.
create function merge_apply(at_most integer)
returns integer
language plpgsql
-- By key, whatever the planner thinks of arrays and of tables that nobody has analysed.
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
set enable_seqscan = off
set enable_bitmapscan = off
set plan_cache_mode = force_custom_plan
as $$
declare
    running merging;
    source record;
    times timestamptz[];
    keys uuid[];
    columns constant text := (
        select string_agg(quote_ident(attname), ', ' order by attnum)
        from pg_attribute
        where attrelid = 'events'::regclass and attnum > 0 and not attisdropped and attgenerated = ''
    );
begin
    select * into strict running from merging for update;
    with taken as (
        delete from merging_changes
        where ctid = any (array(select ctid from merging_changes limit at_most))
        returning ts, event_key
    )
    select array_agg(ts), array_agg(event_key) into times, keys from taken;
    if times is null then
        return 0;
    end if;
    -- A statement of its own sees what was committed until now. What is noted from now on comes with the next call.
    execute format(
        'delete from %I as target
         using unnest($1, $2) as change (ts, event_key)
         where target.ts = change.ts and target.event_key = change.event_key',
        running.target
    ) using times, keys;
    -- The rows of a source that is yet to be copied come with it.
    for source in select * from merge_sources() as found where found.is_copied loop
        execute format(
            'insert into %I (%s)
             select %s
             from (
                select distinct changed_ts, changed_key
                from unnest($1, $2) as change (changed_ts, changed_key)
                where changed_ts >= $3 and changed_ts < $4
             ) as change
             join %I on ts = changed_ts and event_key = changed_key
             order by ts, event_key',
            running.target, columns, columns, source.name
        ) using times, keys, source.lo, source.hi;
    end loop;
    return array_length(times, 1);
end
$$;

-- Puts the target into the place of its sources. False if there is no merge, as after a swap whose answer was lost.
--
-- Whoever reads or writes events waits for this, so it begins only when all is ready, and is called with a lock_timeout.
-- The lock on `events` comes before those on the sources: that is the order of readers and loaders.
create function merge_swap()
returns boolean
language plpgsql
as $$
declare
    running merging;
    next_index record;
    source record;
begin
    -- Nobody makes a partition into the range meanwhile.
    perform pg_advisory_xact_lock(hashtextextended('cistern.ensure_partition', 0));
    lock table only events in access exclusive mode;
    select * into running from merging for update;
    if not found then
        return false;
    end if;
    for source in select * from merge_sources() loop
        execute format('lock table %I in access exclusive mode', source.name);
    end loop;
    next_index := merge_next_index();
    if running.is_spoiled
        or exists (select from merge_sources() as found where not (found.is_watched and found.is_copied))
        or coalesce(next_index.to_create, next_index.to_drop) is not null
        -- One that is not on every partition yet would stay marked as incomplete.
        or exists (select from pg_index where indrelid = 'events'::regclass and not indisvalid)
        or (select count(*) from (select from merging_changes limit 1001) as few) > 1000
    then
        raise exception 'the merge is not ready' using errcode = 'object_in_use';
    end if;
    perform merge_apply(1000);
    for source in select * from merge_sources() loop
        execute format('alter table events detach partition %I', source.name);
        execute format('drop table %I', source.name);
    end loop;
    execute format(
        'alter table events attach partition %I for values from (%L) to (%L)',
        running.target, running.lo, running.hi
    );
    execute format('alter table %I drop constraint %I', running.target, running.target || '_range');
    delete from merging;
    return true;
end
$$;

-- Gives the merge up, at any time before the swap. The sources are as they were.
create function merge_abandon()
returns void
language plpgsql
as $$
declare
    running merging;
    watched regclass;
begin
    select * into running from merging for update;
    if not found then
        return;
    end if;
    for watched in
        select distinct tgrelid::regclass
        from pg_trigger
        where tgname in ('note_merging_change', 'note_merging_truncate')
    loop
        execute format('drop trigger if exists note_merging_change on %s', watched);
        execute format('drop trigger if exists note_merging_truncate on %s', watched);
    end loop;
    execute format('drop table if exists %I', running.target);
    delete from merging_changes;
    delete from merging;
end
$$;

-- All of this is for the owner of the tables.
revoke execute on function
    note_merging_change(), merge_sources(), merge_begin(timestamptz, timestamptz), merge_watch(text), merge_copy(text),
    merge_next_index(), merge_index(), merge_apply(integer), merge_swap(), merge_abandon()
from public;
