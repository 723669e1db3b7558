//! Any query string: no panic, binds for all placeholders, and a link that leads back to the same search.
//!
//! `cargo +nightly fuzz run search` in `crates/libraries/event-query`.

#![no_main]

use event_model::{EventKey, Timestamp};
use event_query::{CountQuery, Dialect, EventQuery, IndexedKeys, PageStart, Position, Statement, Total};
use libfuzzer_sys::fuzz_target;
use time::{OffsetDateTime, macros::datetime};

const NOW: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);

fuzz_target!(|query: &str| {
    let keys = IndexedKeys::new(["user_id".to_owned()]);
    let Ok(search) = EventQuery::parse(query, NOW, &keys) else { return };
    let last = Position { ts: Timestamp::from_time(NOW), event_key: EventKey::from_u128(7) };

    for place in [search.page_start(), PageStart::After(last), PageStart::Skipping(1)] {
        assert_binds_fit(&search.fetch_statement(place, 11));
    }
    assert_binds_fit(&search.count_statement(None));
    if let Ok(counts) = CountQuery::parse(query, NOW, &keys) {
        assert_binds_fit(&counts.statement());
    }

    for dialect in [Dialect::Events, Dialect::MessageEvents] {
        let next = search.links(dialect, Some(last), Total::Exactly(9)).next.expect("there is more");
        let (_, next) = next.split_once('?').expect("a link has parameters");
        let next = EventQuery::parse(next, NOW + time::Duration::DAY, &keys).expect("a link of ours is a search");
        assert_eq!(next.page_start(), PageStart::After(last));
        assert_eq!(next.count_statement(None), search.count_statement(None));
    }
});

/// `$1` to `$n` all occur, and no other.
fn assert_binds_fit(statement: &Statement) {
    let has = |number: usize| {
        let placeholder = format!("${number}");
        let mut rest = statement.sql.match_indices(&placeholder);
        rest.any(|(at, _)| !statement.sql[at + placeholder.len()..].starts_with(|c: char| c.is_ascii_digit()))
    };
    let count = statement.binds.len();
    assert!((1..=count).all(has), "a bind without a placeholder");
    assert!(!has(count + 1), "a placeholder without a bind");
}
