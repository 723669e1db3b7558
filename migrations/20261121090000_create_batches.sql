-- One row for each batch that was loaded, written in the transaction that stores its events: what is here is stored,
-- what is not here may be loaded again. `events = inserted + duplicates + rejected`, so the duplicates are the rest.
create table batches (
    batch_key text primary key,
    loaded_at timestamptz not null default clock_timestamp(),
    -- Events received, in whatever state.
    events integer not null,
    inserted integer not null,
    rejected integer not null,
    -- Events stored with a character replaced that Postgres cannot hold.
    sanitized integer not null,
    constraint batches_counts_add_up check (
        inserted >= 0
        and rejected >= 0
        and sanitized >= 0
        and inserted + rejected <= events
    )
);
