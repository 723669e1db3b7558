-- Events, one row each, in weekly partitions that `ensure_partition` makes. There is no default partition: rows in one
-- would stand in the way of the partition they belong to, and an event without a week is made its week instead.
--
-- The key holds `ts` because a partitioned table's unique key must hold the partition key; an event that is sent again
-- carries the same time. `event_key` stands for id and type: the provider's sample events share one id and one second.
create table events (
    ts timestamptz not null,
    event_key uuid not null,
    subaccount_id integer,
    bounce_class smallint,
    type text not null,
    rcpt_to text,
    recipient_domain text,
    message_id text,
    -- Text, as other accounts' ids need not be numbers.
    transmission_id text,
    campaign_id text,
    template_id text,
    subject text,
    friendly_from text,
    sending_domain text,
    reason text,
    -- The whole event as sent; the columns above are promoted from it.
    event jsonb not null,
    primary key (ts, event_key)
) partition by range (ts);

-- The primary key gives order, paging and scans by day. The other indexes answer the questions people ask: what
-- happened to this recipient, this message, this transmission, and which of the rare types came in.
create index events_rcpt_to_ts_idx
    on events (rcpt_to, ts);

create index events_message_id_idx
    on events (message_id)
    where message_id is not null;

create index events_transmission_id_ts_idx
    on events (transmission_id, ts)
    where transmission_id is not null;

-- Left out are the common types, nine tenths of all events: for them the primary key is as good and this index dear.
-- A query uses it only when it names its types as literals.
create index events_rare_type_ts_idx
    on events (type, ts)
    where type not in ('injection', 'delivery', 'open', 'initial_open', 'click');
