-- Partitions of any width, found by their bounds. Weeks are right where loading happens, since their indexes stay in
-- memory. But every statement that cannot prune pays for each partition there is: in locks, in planning, and in the
-- caches of every connection. So older events share wider partitions, and how many there are no longer depends on how far
-- back events reach.

-- What maintenance reckons with. Without a row: the present, and everything is kept.
create table partition_policy (
    only_one boolean primary key default true check (only_one),
    -- When maintenance last looked. Weeks are made from 13 weeks before this on, wider partitions for what is older.
    as_of timestamptz not null,
    -- How wide those may be: 52 for ISO years, fewer for blocks of as many weeks within an ISO year.
    widest_weeks integer not null default 52 check (widest_weeks between 1 and 52),
    -- Where retention ends. Weeks that are over by then get no partition any more; null keeps everything.
    kept_from timestamptz
);

-- The merge that is going on, at most one. `target` is a table of its own until it takes the place of its sources.
create table merging (
    only_one boolean primary key default true check (only_one),
    target text not null,
    lo timestamptz not null,
    hi timestamptz not null,
    -- The sources whose rows are in the target.
    copied text[] not null default '{}',
    -- Vacuumed and analysed after the last copy and the last index.
    is_finished boolean not null default false,
    -- A source was truncated: the target is of no use.
    is_spoiled boolean not null default false
);

-- The tables of events with their bounds, read from the catalog: the attached partitions, and those that were detached
-- and never dropped, whose bounds their names tell. A partition that somebody made by hand has the name it has.
create function event_partitions()
returns table (name text, lo timestamptz, hi timestamptz, is_attached boolean, is_detaching boolean)
language sql
stable
-- The text of bounds depends on both.
set timezone = 'UTC'
set datestyle = 'ISO'
as $$
    select
        bounds.name,
        coalesce((regexp_match(bounds.expression, 'FROM \(''([^'']+)''\)'))[1]::timestamptz, '-infinity'),
        coalesce((regexp_match(bounds.expression, 'TO \(''([^'']+)''\)'))[1]::timestamptz, 'infinity'),
        true,
        bounds.is_detaching
    from (
        select
            pg_class.relname::text as name,
            pg_get_expr(pg_class.relpartbound, pg_class.oid) as expression,
            pg_inherits.inhdetachpending as is_detaching
        from pg_inherits
        join pg_class
            on pg_class.oid = pg_inherits.inhrelid
        where pg_inherits.inhparent = 'events'::regclass
    ) as bounds
    where starts_with(bounds.expression, 'FOR VALUES FROM')
    union all
    select apart.name, apart.lo, apart.lo + interval '168 hours' * apart.weeks, false, false
    from (
        select
            pg_class.relname::text as name,
            to_date(substr(pg_class.relname, 9, 6), 'IYYYIW')::timestamptz as lo,
            coalesce(nullif(substr(pg_class.relname, 16, 2), ''), '1')::integer as weeks
        from pg_class
        where pg_class.relkind = 'r'
            and not pg_class.relispartition
            and pg_class.relnamespace = (select relnamespace from pg_class where oid = 'events'::regclass)
            and pg_class.relname ~ '^events_w[0-9]{6}(_[0-9]{2})?$'
            and not exists (select from merging where merging.target = pg_class.relname)
    ) as apart
$$;

-- The range that a partition of so many weeks has around a time: a week, an ISO year, or a block of weeks within one. A
-- calendar month or year would lie across weeks. The 53rd week of a year belongs to the last of four blocks of 13.
create function partition_range(at timestamptz, weeks integer, out lo timestamptz, out hi timestamptz)
language plpgsql
immutable
as $$
declare
    week constant interval := interval '168 hours';
    iso_year constant integer := extract(isoyear from at at time zone 'UTC');
    year_lo constant timestamptz := date_trunc('week', make_timestamptz(iso_year, 1, 4, 0, 0, 0, 'UTC'), 'UTC');
    year_hi constant timestamptz := date_trunc('week', make_timestamptz(iso_year + 1, 1, 4, 0, 0, 0, 'UTC'), 'UTC');
    block integer;
begin
    if weeks = 1 then
        lo := date_trunc('week', at, 'UTC');
        hi := lo + week;
    elsif weeks >= 52 then
        lo := year_lo;
        hi := year_hi;
    else
        block := (extract(week from at at time zone 'UTC')::integer - 1) / weeks;
        if weeks = 13 then
            block := least(block, 3);
        end if;
        lo := year_lo + week * (block * weeks);
        hi := case when weeks = 13 and block = 3 then year_hi else least(lo + week * weeks, year_hi) end;
    end if;
end
$$;

-- The name of a partition: events_w202647 for a week, events_w202440_13 for 13 weeks from there. With an index on a
-- metadata key behind it, it just fits into the 63 bytes of a name. Next to a partition that was made by hand, one may
-- begin in the middle of a week; a number then tells where.
create function partition_name(lo timestamptz, hi timestamptz)
returns text
language plpgsql
stable
as $$
declare
    weeks constant numeric := extract(epoch from hi - lo) / 604800;
    name text := 'events_w' || to_char(lo at time zone 'UTC', 'IYYYIW');
begin
    if weeks > 1 then
        name := name || '_' || to_char(weeks, 'FM00');
    end if;
    if weeks <> trunc(weeks) or weeks > 99 or lo <> date_trunc('week', lo, 'UTC') or exists (
        select
        from pg_class
        where relname = name
            and relnamespace = (select relnamespace from pg_class where oid = 'events'::regclass)
    ) then
        name := 'events_x' || to_hex(extract(epoch from lo)::bigint);
    end if;
    return name;
end
$$;

-- Sees to it that there is a partition for a time, and tells for which times the answer holds:
--
--   exists, created   there is one, and these are its bounds
--   past_retention    retention has dropped these weeks, and they do not come back
--   out_of_range      no event is of such a time
--
-- A new partition is as wide as is right for its age, cut to the gap between the neighbours that are there. So any mixture
-- of widths is legal, and widths may change at any time.
--
-- CREATE TABLE … PARTITION OF would lock the whole of `events` against readers. CREATE (LIKE) + ATTACH does not: readers
-- and loaders go on, and as the CHECK says what the bounds will say, attaching does not scan.
create function ensure_partition_at(at timestamptz, out state text, out lo timestamptz, out hi timestamptz)
language plpgsql
as $$
declare
    week_start constant timestamptz := date_trunc('week', at, 'UTC');
    -- The week of 2010-01-01: events are no older, and hardly ever from the future. A slip in a date must not leave
    -- partitions that the planner then drags along.
    first_week constant timestamptz := '2009-12-28 00:00:00+00';
    policy partition_policy;
    last_week timestamptz;
    weeks_from timestamptz;
    kept_week timestamptz;
    found_part record;
    is_apart boolean := false;
    part_name text;
    gap_lo timestamptz;
    gap_hi timestamptz;
begin
    select * into policy from partition_policy;
    policy.as_of := coalesce(policy.as_of, now());
    -- The weeks that maintenance makes ahead reach a little less far.
    last_week := date_trunc('week', greatest(policy.as_of, now()) + interval '1440 hours', 'UTC');
    weeks_from := date_trunc('week', policy.as_of, 'UTC') - interval '168 hours' * 13;
    kept_week := date_trunc('week', policy.kept_from, 'UTC');
    if week_start < first_week then
        state := 'out_of_range'; lo := '-infinity'; hi := first_week;
        return;
    elsif week_start > last_week then
        state := 'out_of_range'; lo := last_week + interval '168 hours'; hi := 'infinity';
        return;
    end if;

    -- The first look needs no lock and mostly is the only one. The second, under the lock, is the one that counts. Both
    -- read the catalog as a table: to_regclass would answer from a cache that an advisory lock does not renew.
    for look in 1..2 loop
        select * into found_part
        from event_partitions() as part
        where part.lo <= at
            and part.hi > at
            -- A table apart can be taken back if nothing took its place.
            and (part.is_attached or not exists (
                select
                from event_partitions() as other
                where other.is_attached and other.lo < part.hi and other.hi > part.lo
            ))
        order by part.is_attached desc
        limit 1;
        is_apart := found and not found_part.is_attached;

        if found and found_part.is_attached and not found_part.is_detaching then
            state := 'exists'; lo := found_part.lo; hi := found_part.hi;
            return;
        elsif week_start < kept_week then
            state := 'past_retention'; lo := '-infinity'; hi := kept_week;
            return;
        elsif found and found_part.is_detaching then
            -- An interrupted maintenance left it so, and the next one ends it.
            raise exception 'partition % is being detached', found_part.name
                using errcode = 'object_in_use';
        end if;
        if look = 1 then
            perform pg_advisory_xact_lock(hashtextextended('cistern.ensure_partition', 0));
        end if;
    end loop;

    if is_apart then
        -- Its rows are events like any other.
        part_name := found_part.name; lo := found_part.lo; hi := found_part.hi;
    else
        if week_start >= weeks_from then
            lo := week_start;
            hi := week_start + interval '168 hours';
        else
            select range.lo, range.hi into lo, hi
            from partition_range(at, coalesce(policy.widest_weeks, 52)) as range;
            lo := greatest(lo, first_week, kept_week);
            hi := least(hi, weeks_from);
        end if;
        select
            max(part.hi) filter (where part.hi <= at),
            min(part.lo) filter (where part.lo > at)
        into gap_lo, gap_hi
        from event_partitions() as part;
        lo := greatest(lo, gap_lo);
        hi := least(hi, gap_hi);
        part_name := partition_name(lo, hi);
        execute format(
            'create table %I (like events including all, constraint %I check (ts >= %L and ts < %L))',
            part_name, part_name || '_range', lo, hi
        );
    end if;
    execute format('alter table events attach partition %I for values from (%L) to (%L)', part_name, lo, hi);
    execute format('alter table %I drop constraint if exists %I', part_name, part_name || '_range');
    state := 'created';
end
$$;

-- As the last release calls it: true when this call made the partition, and an error where there can be none.
create or replace function ensure_partition(at timestamptz)
returns boolean
language plpgsql
as $$
declare
    partition_state constant text := (ensure_partition_at(at)).state;
begin
    if partition_state in ('out_of_range', 'past_retention') then
        raise exception 'no partition for this time: %', partition_state
            using errcode = 'datetime_field_overflow';
    end if;
    return partition_state = 'created';
end
$$;

-- Only the owner of `events` can attach a partition, and a loader with a role of its own owns nothing. So these work with
-- their owner's rights, look for tables only where they stand themselves, and are for those who are granted them.
do $$
declare
    signature text;
begin
    foreach signature in array array[
        'ensure_partition(timestamptz)', 'ensure_partition_at(timestamptz)', 'event_partitions()'
    ] loop
        execute format('alter function %s security definer set search_path = %I, pg_temp', signature, current_schema());
        execute format('revoke execute on function %s from public', signature);
    end loop;
end
$$;
