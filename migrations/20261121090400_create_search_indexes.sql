-- What a search looks for in events, beside ids and recipients: words (arrays of them), senders, subaccounts, bounce
-- classes and tags. One inverted index over many expressions instead of one each: it is entered by whichever of them a
-- search has, and its lists are small beside the rows. No column is stored for it.
--
-- The expressions must stay word for word those of crates/libraries/event-query (keyword.rs, render.rs); a test asks for the plans.
create index events_search_idx on events using gin (
    string_to_array(translate(lower(subject collate "C"), E'-_\t\r\n', '     '), ' '),
    string_to_array(translate(lower(reason collate "C"), E'-_\t\r\n', '     '), ' '),
    string_to_array(translate(lower(campaign_id collate "C"), E'-_\t\r\n', '     '), ' '),
    string_to_array(translate(lower(template_id collate "C"), E'-_\t\r\n', '     '), ' '),
    string_to_array(translate(lower(recipient_domain collate "C"), E'.-_\t\r\n', '      '), ' '),
    string_to_array(translate(lower(sending_domain collate "C"), E'.-_\t\r\n', '      '), ' '),
    string_to_array(translate(lower((event->>'ip_pool') collate "C"), E'-_\t\r\n', '     '), ' '),
    string_to_array(translate(lower((event->>'ab_test_id') collate "C"), E'-_\t\r\n', '     '), ' '),
    string_to_array(translate(lower((event->>'mailbox_provider') collate "C"), E'-_\t\r\n', '     '), ' '),
    string_to_array(translate(lower((event->>'mailbox_provider_region') collate "C"), E'-_\t\r\n', '     '), ' '),
    (array[lower(friendly_from collate "C")]),
    (array[event->>'sending_ip']),
    (array[coalesce(subaccount_id, 0)]),
    (array[bounce_class]),
    (event->'rcpt_tags')
);

-- Finds one event whenever it happened.
create index events_event_id_idx on events ((event->>'event_id'));

-- Few events have a reason, and any part of one may be searched for.
create index events_reason_ts_idx on events (ts, event_key) where reason is not null;
