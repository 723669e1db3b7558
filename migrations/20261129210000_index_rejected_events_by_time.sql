-- no-transaction
-- Rejected events are listed newest first, and deleted by age. The order is that of a page's cursor.
create index concurrently if not exists email_events_rejected_time_idx
    on email_events_rejected (rejected_at desc, batch_key desc, ordinal desc);
