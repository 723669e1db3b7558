//! The SQL of searches.

use event_model::{EventKey, Timestamp};
use event_query::{Bind, CountQuery, EventQuery, IndexedKeys, PageStart, Position, Statement};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);

fn position() -> Position {
    Position {
        ts: Timestamp::from_time(datetime!(2026-11-21 03:04:05.678_901 UTC)),
        event_key: EventKey::from_u128(0x0123_4567_89ab_cdef),
    }
}

fn keys() -> IndexedKeys {
    IndexedKeys::new(["user_id".to_owned(), "odd'key".to_owned()])
}

fn parse(query: &str) -> EventQuery {
    EventQuery::parse(query, NOW, &keys()).unwrap()
}

/// The statement in readable form, with its values.
fn print(statement: &Statement) -> String {
    let binds = statement.binds.iter().enumerate().map(|(index, bind)| {
        let value = match bind {
            Bind::Text(value) => format!("{value:?}"),
            Bind::TextArray(values) => format!("{values:?}"),
            Bind::SmallIntArray(values) => format!("{values:?}"),
            Bind::IntArray(values) => format!("{values:?}"),
            Bind::BigInt(value) => value.to_string(),
            Bind::Timestamp(value) => value.to_string(),
            Bind::Uuid(value) => format!("{value:032x}"),
            Bind::UuidArray(values) => format!("{values:x?}"),
        };
        format!("${} {}: {value}\n", index + 1, bind.sql_type())
    });
    format!("{}\n\n{}", statement.sql, binds.collect::<String>())
}

#[test]
fn each_combination_of_filters() {
    let combinations = [
        ("no_filter", ""),
        ("one_event_type", "events=bounce"),
        (
            "several_event_types",
            "events=spam_complaint,bounce,bounce,newer_than_this",
        ),
        ("one_recipient", "recipients=Someone%40Example.com"),
        (
            "several_recipients",
            "recipients=b@example.com,a@example.com",
        ),
        (
            "event_types_and_recipient",
            "recipients=a@example.com&events=click,open&from=2026-11-01&to=2026-11-08",
        ),
        ("ids", "event_ids=1,2&messages=m&transmissions=t"),
        (
            "sender",
            "from_addresses=News@example.com&sending_ips=10.0.0.1,10.0.0.2&subaccounts=0,101",
        ),
        ("bounce", "bounce_classes=10,30&reason=Mailbox full"),
        ("one_word", "subjects=Reset"),
        ("one_phrase", "sending_domains=Example.com"),
        ("several_words", "campaigns=spring,summer"),
        ("several_phrases", "reasons=5.4.7,mailbox full"),
        (
            "payload_words",
            "ip_pools=shared&mailbox_providers=Gmail&mailbox_provider_regions=Global",
        ),
        (
            "ab_test",
            "ab_tests=subject&ab_test_versions=1,2&templates=welcome&recipient_domains=org",
        ),
        ("one_provider", "provider=sendgrid"),
        (
            "providers_and_sparkpost",
            "provider=sparkpost,resend&events=resend.email.scheduled",
        ),
        (
            "metadata_and_tags",
            "metadata.user_id=7&metadata.odd%27key=a,b&tags=vip",
        ),
    ];

    for (name, query) in combinations {
        let query = parse(query);
        let statements = [
            query.fetch_statement(PageStart::Beginning, 1_001),
            query.fetch_statement(PageStart::After(position()), 1_001),
            query.count_statement(Some(10_001)),
            query.count_statement(None),
        ];
        insta::assert_snapshot!(name, statements.each_ref().map(print).join("\n"));
    }
}

#[test]
fn groups_are_counted() {
    let combinations = [
        ("counts_by_type", "group_by=type"),
        (
            "counts_by_day_and_campaign",
            "group_by=campaign,day&timezone=America/New_York&events=open&campaigns=summer",
        ),
        ("counts_by_hour", "group_by=hour&timezone=%2B05:30"),
        (
            "counts_by_provider",
            "group_by=mailbox_provider,bounce_class,month",
        ),
        ("counts_by_sender", "group_by=provider,day"),
    ];

    for (name, query) in combinations {
        let query = CountQuery::parse(query, NOW, &keys()).unwrap();
        insta::assert_snapshot!(name, print(&query.statement()));
    }
}

/// The numbers of the distinct placeholders in a text, ascending.
fn placeholders(sql: &str) -> Vec<usize> {
    let mut numbers: Vec<usize> = sql
        .split('$')
        .skip(1)
        .map(|rest| {
            rest.chars()
                .take_while(char::is_ascii_digit)
                .collect::<String>()
                .parse()
                .unwrap()
        })
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Every parameter that narrows a search and accepts any text.
const TEXTS: [&str; 19] = [
    "recipients",
    "event_ids",
    "messages",
    "message_ids",
    "transmissions",
    "from_addresses",
    "sending_ips",
    "subjects",
    "reasons",
    "reason",
    "campaigns",
    "templates",
    "recipient_domains",
    "sending_domains",
    "ip_pools",
    "mailbox_providers",
    "ab_tests",
    "tags",
    "metadata.user_id",
];

prop_compose! {
    /// Valid query strings, with values that must never appear in the SQL.
    fn hostile_queries()(
        events in prop::sample::subsequence(vec!["bounce", "click", "open", "sms_status"], 0..4),
        texts in prop::collection::btree_map(prop::sample::select(&TEXTS[..]), hostile_values(), 0..6),
        classes in prop::collection::vec(any::<i16>(), 0..3),
        subaccounts in prop::collection::vec(any::<i32>(), 0..3),
        per_page in 1..=10_000_u32,
        day in 1..=28_u8,
    ) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        let parameters = [
            format!("events={}&per_page={per_page}&from=2026-10-{day:02}", encode(&events.join(","))),
            list("bounce_classes", classes),
            list("subaccounts", subaccounts),
        ];
        let texts = texts.into_iter().map(|(name, values)| format!("{name}={}", encode(&values.join(","))));
        parameters.into_iter().chain(texts).collect::<Vec<_>>().join("&")
    }
}

fn list(name: &str, values: Vec<impl ToString>) -> String {
    let values: Vec<_> = values.into_iter().map(|value| value.to_string()).collect();
    format!("{name}={}", values.join(","))
}

fn hostile_values() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("planted['\"; $)(a-z._%-]{1,12}", 1..4)
}

proptest! {
    #[test]
    fn placeholders_are_binds_and_the_text_is_ours(query in hostile_queries(), after: bool) {
        let query = parse(&query);

        for statement in [query.fetch_statement(if after { PageStart::After(position()) } else { PageStart::Skipping(100) }, 11), query.count_statement(Some(10_001))] {
            let expected: Vec<usize> = (1..=statement.binds.len()).collect();
            prop_assert_eq!(placeholders(&statement.sql), expected);
            prop_assert!(!statement.sql.contains("planted"));
            prop_assert!(statement.sql.chars().all(|c| c.is_ascii_lowercase() || "CE".contains(c) || " \n$*,.:()[]<>='_0123456789-\\@&|?\"".contains(c)));
        }
    }

    #[test]
    fn no_query_string_panics(query in "\\PC*|((from|to|events|recipients|per_page|page|cursor|delimiter|timezone|subjects|reason|ab_test_versions|tags)=[^&]{0,20}&?){0,6}") {
        if let Ok(query) = EventQuery::parse(&query, NOW, &keys()) {
            let _ = query.fetch_statement(query.page_start(), 11);
        }
    }
}
