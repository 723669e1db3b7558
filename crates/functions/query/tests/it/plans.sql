-- Events for plans: as many as asked for, evenly over the 14 weeks to the present, with the skew of real ones. Indexes
-- that are not there yet are made afterwards, which takes a third of the time.
do $$
declare
    -- Of the parent only; its partitions' follow.
    definitions constant text[] := array(
        select pg_get_indexdef(indexrelid)
        from pg_index
        where indrelid = 'email_events'::regclass and not indisprimary
    );
    name text;
    definition text;
begin
    set local maintenance_work_mem = '256MB';

    for name in
        select indexrelid::regclass::text
        from pg_index
        where indrelid = 'email_events'::regclass and not indisprimary
    loop
        execute 'drop index ' || name;
    end loop;

    -- Twelve weeks more, which no search here may look into.
    perform ensure_partition(week)
    from generate_series('2026-05-25 00:00+00'::timestamptz, '2026-11-21', '7 days') as week;

    insert into email_events (
        ts, event_key, bounce_class, type, rcpt_to, recipient_domain, message_id, transmission_id, campaign_id,
        template_id, subject, friendly_from, sending_domain, reason, event
    )
    select
        ts, gen_random_uuid(), case when type = 'bounce' then 10 + n % 60 end,
        type, 'user' || person || '@' || domain, domain, 'm' || n / 3, 't' || h % 6000, 'launch-' || h % 300,
        'template ' || h % 150, 'Your order #' || h % 20000, 'news@list' || h % 90 || '.example', 'list' || h % 90 || '.example',
        case when type in ('bounce', 'delay') then '550 5.1.' || h % 50 || ' mailbox unavailable' end,
        -- Parsing a text takes less than building an object.
        (
            '{"event_id":"' || n || '","ip_pool":"pool-' || h % 80 || '","sending_ip":"10.0.0.' || h % 200
            || '","mailbox_provider":"provider' || h % 90 || '","mailbox_provider_region":"region ' || h % 90
            || case when n % 50 = 0 then '","ab_test_version":"1","ab_test_id":"test-' || h % 70 else '' end
            || case when n % 200 = 0 then '","provider":"postmark' else '' end
            || '","rcpt_tags":["tag-' || h % 90 || '"],"rcpt_meta":{"user_id":"' || person || '"},"rest":"'
            -- Other things are in an event too; without them, reading all would seem cheap.
            || repeat('-', 300) || '"}'
        )::jsonb
    from (
        select
            n,
            h,
            h % 20000 as person,
            timestamptz '2026-08-17 00:00+00' + n * (interval '96 days' / $EVENTS$) as ts,
            case when h % 100 < 40 then 'mail.example' else 'corp' || h % 1003 || '.example' end as domain,
            (array['bounce', 'delay', 'click', 'click', 'open', 'open', 'open', 'injection', 'injection', 'delivery'])[
                case when h % 50 = 0 then 1 else 2 + h % 9 end
            ] as type
        from (
            select n, abs(hashint8(n)::bigint) as h
            from generate_series(0, $EVENTS$ - 1) as n
        ) as numbered
    ) as made;

    foreach definition in array definitions loop
        execute replace(definition, ' ON ONLY ', ' ON ');
    end loop;
end
$$
