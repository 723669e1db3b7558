-- Items of erased people are left out when a batch is loaded, and counted: `events = inserted + duplicates + rejected + erased`.
-- The default serves the functions of the previous release, which leave nobody out.
alter table batches add column erased integer not null default 0;

-- Older rows satisfied the stricter one, so they need no scan.
alter table batches drop constraint batches_counts_add_up;
alter table batches add constraint batches_counts_add_up check (
    inserted >= 0
    and rejected >= 0
    and sanitized >= 0
    and erased >= 0
    and inserted + rejected + erased <= events
) not valid;
