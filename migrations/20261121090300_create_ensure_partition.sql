-- Makes the weekly partition for a time if it is missing; true when this call made it. Weeks are ISO weeks in UTC, and
-- the name carries year and week: events_w202647.
--
-- CREATE TABLE … PARTITION OF would lock the whole of `events` against readers. CREATE (LIKE) + ATTACH does not: readers
-- and loaders go on, and as the CHECK says what the partition bounds will say, attaching does not scan.
create function ensure_partition(at timestamptz)
returns boolean
language plpgsql
as $$
declare
    week_start constant timestamptz := date_trunc('week', at, 'UTC');
    week_end constant timestamptz := week_start + interval '168 hours';
    week_name constant text := 'events_w' || to_char(week_start at time zone 'UTC', 'IYYYIW');
    check_name constant text := week_name || '_week';
    is_attached boolean;
    is_detaching boolean;
    exists_apart boolean := false;
begin
    -- Events are no older than 2010 and hardly ever from the future; the weeks that maintenance makes ahead reach a
    -- little further. A slip in a date must not leave partitions that the planner then drags along.
    if week_end <= timestamptz '2010-01-01 00:00:00+00' or week_start > now() + interval '60 days' then
        raise exception 'no partition for a week before 2010 or more than 60 days ahead'
            using errcode = 'datetime_field_overflow';
    end if;

    -- The first look needs no lock and mostly is the only one. The second, under the lock, is the one that counts. Both
    -- read the catalog as a table: to_regclass would answer from a cache that an advisory lock does not renew.
    for look in 1..2 loop
        select pg_inherits.inhrelid is not null, pg_inherits.inhdetachpending
        into is_attached, is_detaching
        from pg_class
        left join pg_inherits
            on pg_inherits.inhrelid = pg_class.oid
            and pg_inherits.inhparent = 'events'::regclass
        where pg_class.relname = week_name
            and pg_class.relnamespace = (select relnamespace from pg_class where oid = 'events'::regclass);
        exists_apart := found and not is_attached;

        if is_detaching then
            -- Retention is removing this very week; it is gone in a moment.
            raise exception 'partition % is being detached', week_name
                using errcode = 'object_in_use';
        end if;
        if is_attached then
            return false;
        end if;
        if look = 1 then
            perform pg_advisory_xact_lock(hashtextextended('cistern.ensure_partition', 0));
        end if;
    end loop;

    -- A table of that name outside `events` was detached and never dropped. Its rows are events like any other.
    if not exists_apart then
        execute format(
            'create table %I (like events including all, constraint %I check (ts >= %L and ts < %L))',
            week_name, check_name, week_start, week_end
        );
    end if;
    execute format(
        'alter table events attach partition %I for values from (%L) to (%L)',
        week_name, week_start, week_end
    );
    execute format('alter table %I drop constraint if exists %I', week_name, check_name);
    return true;
end
$$;
