-- Only the owner of `events` can attach a partition, and a loader with a role of its own owns nothing. So the function
-- works with its owner's rights, looks for tables only where it stands itself, and is for those who are granted it.
do $$
begin
    execute format(
        'alter function ensure_partition(timestamptz) security definer set search_path = %I, pg_temp',
        current_schema()
    );
end
$$;

revoke execute on function ensure_partition(timestamptz) from public;
