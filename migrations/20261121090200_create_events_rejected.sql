-- Events that cannot be stored, with a reason for people to read and the bytes to try again with, written in the
-- transaction of their batch.
create table events_rejected (
    batch_key text not null,
    -- The event's place in its batch, from 0.
    ordinal integer not null,
    reason text not null,
    raw bytea not null,
    -- Retention deletes by age, as the bytes hold addresses like the events do.
    rejected_at timestamptz not null default clock_timestamp(),
    primary key (batch_key, ordinal)
);
