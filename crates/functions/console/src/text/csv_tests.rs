//! Tables of the console and of the API guard the same cells.

use event_query::{CountQuery, IndexedKeys};
use proptest::prelude::*;
use time::macros::datetime;

use super::csv_cell;

fn table_of_the_api() -> CountQuery {
    let now = datetime!(2026-11-21 12:00 UTC);
    CountQuery::parse("group_by=campaign&format=csv", now, &IndexedKeys::default()).unwrap()
}

/// Whether the API puts an apostrophe before a text.
fn is_guarded_by(table: &CountQuery, text: &str) -> bool {
    is_guarded(&table.table_row(&[Some(text.to_owned())], &[1]))
}

fn is_guarded(cell: &str) -> bool {
    cell.trim_start_matches('"').starts_with('\'')
}

#[test]
fn every_character_is_guarded_as_the_api_does_it() {
    let table = table_of_the_api();
    for c in (0..=0xffff)
        .filter_map(char::from_u32)
        .filter(|c| !['"', '\''].contains(c))
    {
        for text in [c.to_string(), format!("{c}=1")] {
            assert_eq!(
                is_guarded(&csv_cell(&text)),
                is_guarded_by(&table, &text),
                "{text:?}"
            );
        }
    }
    assert!(is_guarded_by(&table, "=1") && !is_guarded_by(&table, "a"));
}

proptest! {
    #[test]
    fn texts_are_guarded_as_the_api_does_it(text in "[ \t\u{ad}\u{200b}\u{feff}=+@﹦−a,-]{0,6}") {
        prop_assert_eq!(is_guarded(&csv_cell(&text)), is_guarded_by(&table_of_the_api(), &text));
    }
}
