//! Values of which nothing is left once they are compared.

use event_query::{EventQuery, IndexedKeys, RejectedQuery, parameter_names};
use time::OffsetDateTime;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);

/// Spaces, also those that nobody sees.
const BLANKS: [&str; 6] = ["", "%20", "%09", "%C2%A0", "%E2%80%8B", "%0B%E2%80%8B%20"];

fn parse(query_string: &str) -> EventQuery {
    let query = EventQuery::parse(query_string, NOW, &IndexedKeys::default());
    query.unwrap_or_else(|error| panic!("{query_string}: {error}"))
}

#[test]
fn parameter_with_a_blank_value_counts_as_absent() {
    for name in parameter_names() {
        for blank in BLANKS {
            let query_string = format!("events=open&{name}={blank}");
            assert_eq!(parse(&query_string), parse("events=open"), "{query_string}");
        }
    }
}

#[test]
fn blank_values_of_a_list_are_left_out() {
    let searched = |query_string: &str| parse(query_string).count_statement(None);

    for name in ["recipients", "subjects", "tags", "recipient_domains"] {
        for blank in BLANKS {
            assert_eq!(
                searched(&format!("{name}={blank},a,{blank}")),
                searched(&format!("{name}=a")),
                "{name}={blank}"
            );
        }
    }
}

#[test]
fn blanks_around_a_reason_are_not_searched_for() {
    for blank in BLANKS {
        let query_string = format!("reason={blank}full{blank}");
        assert_eq!(
            parse(&query_string).count_statement(None),
            parse("reason=full").count_statement(None),
            "{query_string}"
        );
        let of_rejected = |query_string: &str| {
            let query = RejectedQuery::parse(query_string, NOW).unwrap();
            query.statement(1)
        };
        assert_eq!(of_rejected(&format!("reason={blank}")), of_rejected(""));
    }
}
