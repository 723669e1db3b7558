//! Which parameters are compared by words, by the API's own SQL.

use event_query::{EventQuery, IndexedKeys};
use time::macros::datetime;

use super::{FILTERS, MATCH, MATCH_EXACT, METADATA, NARROWING, is_by_words};

fn sql(query: &str) -> String {
    let now = datetime!(2026-11-21 12:00 UTC);
    let query = EventQuery::parse(query, now, &IndexedKeys::default()).unwrap();
    query.count_statement(None).sql
}

#[test]
fn exact_comparison_changes_what_is_found_by_words_and_nothing_else() {
    // The others need a key or a parameter beside them.
    let others = [MATCH, METADATA.trim_end_matches('.'), "ab_test_versions"];
    let filters = FILTERS.iter().take(NARROWING);

    for filter in filters.filter(|filter| !others.contains(&filter.name)) {
        let value = if filter.name == "provider" {
            "sendgrid"
        } else {
            "10"
        };
        let query = format!("{}={value}", filter.name);
        let exact = format!("{query}&{MATCH}={MATCH_EXACT}");
        assert_eq!(
            sql(&query) != sql(&exact),
            is_by_words(filter.name),
            "{query}"
        );
    }
}
