-- no-transaction
-- The sums of a day, and the deletion of old rows, read the batches of a range of time. Batches are written in the order
-- of time, so a block range index of a few pages serves, and costs loading nothing.
create index concurrently if not exists batches_loaded_at_idx
    on batches using brin (loaded_at);
