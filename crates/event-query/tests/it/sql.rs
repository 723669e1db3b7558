//! What searches become.

use event_model::{EventKey, Timestamp};
use event_query::{Bind, EventQuery, Position, Statement};
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

fn parse(query: &str) -> EventQuery {
    EventQuery::parse(query, NOW).unwrap()
}

/// The statement as a person reads it, values in full.
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
        ("several_event_types", "events=spam_complaint,bounce,bounce"),
        ("one_recipient", "recipients=Someone%40Example.com"),
        (
            "several_recipients",
            "recipients=b@example.com,a@example.com",
        ),
        (
            "event_types_and_recipient",
            "recipients=a@example.com&events=click,open&from=2026-11-01&to=2026-11-08",
        ),
    ];

    for (name, query) in combinations {
        let query = parse(query);
        let statements = [
            query.fetch_statement(None, 1_001),
            query.fetch_statement(Some(position()), 1_001),
            query.count_statement(10_001),
        ];
        insta::assert_snapshot!(name, statements.each_ref().map(print).join("\n"));
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

prop_compose! {
    /// Query strings that parse, with values that nobody's SQL should ever hold.
    fn hostile_queries()(
        events in prop::sample::subsequence(vec!["bounce", "click", "open", "sms_status"], 0..4),
        recipients in prop::collection::vec("planted['\"; $)(a-z-]{1,12}", 0..4),
        per_page in 1..=10_000_u32,
        day in 1..=28_u8,
    ) -> String {
        let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
        format!(
            "events={}&recipients={}&per_page={per_page}&from=2026-10-{day:02}",
            encode(&events.join(",")),
            encode(&recipients.join(",")),
        )
    }
}

proptest! {
    #[test]
    fn placeholders_are_binds_and_the_text_is_ours(query in hostile_queries(), after: bool) {
        let query = parse(&query);

        for statement in [query.fetch_statement(after.then(position), 11), query.count_statement(10_001)] {
            let expected: Vec<usize> = (1..=statement.binds.len()).collect();
            prop_assert_eq!(placeholders(&statement.sql), expected);
            prop_assert!(!statement.sql.contains("planted"));
            prop_assert!(statement.sql.chars().all(|c| c.is_ascii_lowercase() || " \n$*,.:()<>='_0123456789".contains(c)));
        }
    }

    #[test]
    fn no_query_string_panics(query in "\\PC*|((from|to|events|recipients|per_page|cursor|delimiter|timezone)=[^&]{0,20}&?){0,6}") {
        if let Ok(query) = EventQuery::parse(&query, NOW) {
            let _ = query.fetch_statement(query.start(), 11);
        }
    }
}
