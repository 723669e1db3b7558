//! Links that are handed out are accepted, whatever was asked for.

use event_model::{EventKey, Pipeline, Timestamp};
use event_query::rejected::{self, RejectedPosition, RejectedRow};
use event_query::{
    Dialect, EventQuery, IndexedKeys, Links, Position, RejectedQuery, Total, request_length,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use time::macros::datetime;
use time::{Duration, OffsetDateTime};

const NOW: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);
/// When the link is followed.
const LATER: OffsetDateTime = datetime!(2026-11-22 18:30 UTC);

const PARAMETERS: [&str; 20] = [
    "recipients=a@x.org,b+c@x.org, d@x.org",
    "recipients=%E2%80%8B",
    "campaigns=%20Welcome%20,\u{c9}t\u{e9}",
    "match=exact",
    "subjects=a;b",
    "delimiter=;",
    "delimiter=x",
    "reason=Mailbox full, really",
    "events=bounce,,open",
    "format=csv",
    "columns=type,rcpt_to,x-y",
    "csv=raw,bom",
    "timezone=Europe/Berlin",
    "total_count=none",
    "links=list",
    "metadata.user_id=1:2",
    "tags=a b",
    "per_page=7",
    "per_page=10000",
    "page=3",
];

const RANGES: [&str; 9] = [
    "",
    "from=-7d",
    "from=-7d&to=-1d",
    "to=now",
    "from=2026-11-20&to=-1h",
    "from=2026-11-20T10:00&to=2026-11-20T10:00",
    "from=2024-03-06T00:00:00Z&to=-1d",
    "from=2024-11-20",
    "from=-900d",
];

fn keys() -> IndexedKeys {
    IndexedKeys::new(["user_id".to_owned()])
}

fn position() -> Position {
    Position {
        ts: Timestamp::from_time(datetime!(2026-11-20 10:00 UTC)),
        event_key: EventKey::from_u128(7),
    }
}

fn queries() -> impl Strategy<Value = String> {
    let parameters = subsequence(&PARAMETERS[..], 0..=6);
    (parameters, select(&RANGES[..])).prop_map(|(mut parameters, range)| {
        parameters.push(range);
        parameters.join("&")
    })
}

fn all(links: Links) -> Vec<String> {
    let Links {
        first,
        previous,
        next,
        last,
    } = links;
    [first, previous, next, last]
        .into_iter()
        .flatten()
        .collect()
}

fn parts(link: &str) -> (&str, &str) {
    link.split_once('?').unwrap()
}

/// What is wrong with the links of a page, and the links of the pages that they lead to.
fn check_search(path: &str, query_string: &str, query: &EventQuery, depth: u8) {
    for dialect in [Dialect::Events, Dialect::MessageEvents] {
        for total in [Total::Exactly(1_000_000), Total::AtLeast(10)] {
            for link in all(query.links(dialect, Some(position()), total)) {
                let (link_path, link_query) = parts(&link);
                let followed = EventQuery::parse(link_query, LATER, &keys());
                let followed = followed.unwrap_or_else(|error| panic!("{link}: {error}"));

                let length = request_length(link_path, link_query);
                let room = dialect.path().len().saturating_sub(path.len());
                assert!(
                    length <= request_length(path, query_string) + room,
                    "{query_string} -> {link}"
                );
                if depth > 0 {
                    check_search(link_path, link_query, &followed, depth - 1);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn links_of_a_search_are_accepted(query_string in queries()) {
        if let Ok(query) = EventQuery::parse(&query_string, NOW, &keys()) {
            check_search(Dialect::MessageEvents.path(), &query_string, &query, 1);
        }
    }

    #[test]
    fn links_of_one_events_id_are_accepted(
        id in "[a-z0-9,;%+ /\u{e9}-]{1,12}",
        parameters in subsequence(
            vec!["format=csv", "columns=type,rcpt_to,x-y", "csv=raw,bom", "delimiter=;", "delimiter=-"],
            0..=4,
        ),
    ) {
        prop_assume!(!id.trim().is_empty());
        let query_string = parameters.join("&");
        let encoded = utf8_percent_encode(&id, NON_ALPHANUMERIC);
        let path = format!("{}/{encoded}", Dialect::Events.path());
        if let Ok(query) = EventQuery::of_event(&id, &query_string) {
            let links = query.links(Dialect::Events, Some(position()), Total::AtLeast(10));
            for link in all(links) {
                let (link_path, link_query) = parts(&link);
                let followed = EventQuery::parse(link_query, LATER, &keys());
                prop_assert!(followed.is_ok(), "{link}: {followed:?}");
                let length = request_length(link_path, link_query);
                prop_assert!(length <= request_length(&path, &query_string), "{path} -> {link}");
            }
        }
    }

    #[test]
    fn links_of_rejected_items_are_accepted(
        range in select(&RANGES[..]),
        parameters in subsequence(
            vec![
                "pipeline=app_events,email_events",
                "status=open",
                "reason=%20Too, long\u{c9} ",
                "timezone=Europe/Berlin",
                "per_page=7",
            ],
            0..=5,
        ),
        is_row: bool,
    ) {
        let query_string = format!("{}&{range}", parameters.join("&"));
        if let Ok(query) = RejectedQuery::parse(&query_string, NOW) {
            let (_, day) = query.days();
            let position = if is_row {
                RejectedPosition::Row {
                    day,
                    row: RejectedRow {
                        rejected_at: Timestamp::from_time(day.midnight().assume_utc()),
                        batch_key: "a".to_owned(),
                        ordinal: 3,
                    },
                }
            } else {
                RejectedPosition::Line {
                    day,
                    pipeline: Pipeline::AppEvents,
                    key: format!("rejected/app_events/dt={day}/a b.ndjson"),
                    end: 7,
                }
            };
            let link = query.next_link(position.clone());
            let (path, link_query) = parts(&link);

            let followed = RejectedQuery::parse(link_query, LATER);

            let followed = followed.unwrap_or_else(|error| panic!("{link}: {error}"));
            prop_assert_eq!(followed.after(), Some(&position));
            prop_assert_eq!(followed.days(), query.days());
            prop_assert!(
                request_length(path, link_query) <= request_length(rejected::PATH, &query_string)
            );
        }
    }
}

#[test]
fn ends_of_a_range_that_is_given_by_age_are_those_of_the_first_page() {
    let first = "from=2024-03-06T00:00:00Z&to=-1d";
    let query = RejectedQuery::parse(first, NOW).unwrap();
    let (_, day) = query.days();
    let link = query.next_link(RejectedPosition::Row {
        day,
        row: RejectedRow {
            rejected_at: Timestamp::from_time(day.midnight().assume_utc()),
            batch_key: "a".to_owned(),
            ordinal: 0,
        },
    });
    let (_, query_string) = parts(&link);

    let next = RejectedQuery::parse(query_string, NOW + Duration::days(300)).unwrap();

    assert_eq!(next.days(), query.days());
    // A client that repeats its own parameters beside the cursor is understood, too.
    let (_, cursor) = query_string.split_once("cursor=").unwrap();
    let repeated = format!("{first}&cursor={cursor}");
    assert!(RejectedQuery::parse(&repeated, NOW + Duration::days(300)).is_ok());
}

#[test]
fn long_reason_is_in_a_link_once() {
    let reason = "x".repeat(3_000);
    let query = RejectedQuery::parse(&format!("reason={reason}"), NOW).unwrap();
    let (_, day) = query.days();

    let link = query.next_link(RejectedPosition::Line {
        day,
        pipeline: Pipeline::AppEvents,
        key: format!("rejected/app_events/dt={day}/a.ndjson"),
        end: 7,
    });

    assert!(link.len() < 3_600, "{}", link.len());
}

#[test]
fn length_is_that_of_the_parameters_as_links_write_them() {
    for (query_string, length) in [
        ("", 0),
        ("recipients=a@b,c", 21),
        ("recipients=a%40b%2Cc", 21),
        ("recipients=%61", 13),
        ("subjects=a+b", 15),
        ("from=-7d&to=now&cursor=abc&page=2", 0),
    ] {
        let path = Dialect::Events.path();
        assert_eq!(
            request_length(path, query_string),
            path.len() + length,
            "{query_string}"
        );
    }
}
