use event_model::EventKey;
use time::macros::datetime;

use super::*;
use crate::dialect::Dialect;
use crate::position::Position;

const NOW: OffsetDateTime = datetime!(2026-11-21 12:00 UTC);

fn parse(query: &str) -> Result<EventQuery, ParamError> {
    EventQuery::parse(query, NOW, &IndexedKeys::default())
}

fn range(query: &str) -> (OffsetDateTime, OffsetDateTime) {
    let TimeRange { from, to } = parse(query).unwrap().range;
    (from.to_time(), to.to_time())
}

fn position(unix_seconds: i64) -> Position {
    Position {
        ts: Timestamp::from_unix_seconds(unix_seconds).unwrap(),
        event_key: EventKey::from_u128(7),
    }
}

fn next_link(query: &str) -> String {
    let query = parse(query).unwrap();
    query
        .links(
            Dialect::Events,
            Some(position(1_700_000_000)),
            Total::Exactly(3),
        )
        .next
        .unwrap()
}

/// The query string of the next page of `query`.
fn next(query: &str) -> String {
    next_link(query)
        .strip_prefix("/api/v1/events/message?")
        .unwrap()
        .to_owned()
}

fn cursor_of(query: &str) -> String {
    next(query).rsplit_once("cursor=").unwrap().1.to_owned()
}

#[test]
fn nothing_given_means_the_last_day_but_for_the_last_minute() {
    let query = parse("").unwrap();

    assert_eq!(
        range(""),
        (
            datetime!(2026-11-20 12:00 UTC),
            datetime!(2026-11-21 11:59 UTC)
        )
    );
    assert_eq!(query.per_page(), 1_000);
    assert_eq!(query.page_start(), PageStart::Beginning);
    assert_eq!(query.known_total(), None);
    assert_eq!(range("cursor=initial"), range(""));
}

#[test]
fn each_end_of_the_range_has_its_own_default() {
    assert_eq!(
        range("from=2026-11-21T06:00"),
        (
            datetime!(2026-11-21 06:00 UTC),
            datetime!(2026-11-21 11:59 UTC)
        )
    );
    assert_eq!(
        range("to=2026-11-21T06:00"),
        (
            datetime!(2026-11-20 12:00 UTC),
            datetime!(2026-11-21 06:00 UTC)
        )
    );
}

#[test]
fn range_that_a_default_would_turn_round_is_empty_and_no_error() {
    let late = datetime!(2044-02-25 0:00 UTC);
    assert_eq!(range("from=2044-02-25"), (late, late));
    let early = datetime!(2016-01-01 0:00 UTC);
    assert_eq!(range("to=2016-01-01"), (early, early));
    assert_eq!(range("from=2016-01-01&to=2016-01-01"), (early, early));
    assert_eq!(
        parse("from=2016-01-02&to=2016-01-01").unwrap_err().param,
        "from"
    );

    let links = parse("from=2044-02-25T00:00:00.000001&page=2")
        .unwrap()
        .links(Dialect::MessageEvents, None, Total::Exactly(0));
    let first = links.first.unwrap();
    assert!(parse(first.split_once('?').unwrap().1).is_ok(), "{first}");
}

#[test]
fn timezone_is_that_of_times_without_one() {
    let (from, to) =
        range("from=2026-11-20T00:00&to=2026-11-21T00:00Z&timezone=America%2FNew_York");

    assert_eq!(
        (from, to),
        (
            datetime!(2026-11-20 05:00 UTC),
            datetime!(2026-11-21 00:00 UTC)
        )
    );
}

#[test]
fn every_wrong_value_is_refused_by_name() {
    let cases = [
        ("per_page=0", "per_page"),
        ("per_page=10001", "per_page"),
        ("per_page=-1", "per_page"),
        ("per_page=%2B5", "per_page"),
        ("per_page=1e3", "per_page"),
        ("per_page=99999999999999999999", "per_page"),
        ("per_page=10&per_page=20", "per_page"),
        ("from=yesterday", "from"),
        ("from=1460989507", "from"),
        ("to=2026-13-01T00:00", "to"),
        ("to=2026-11-21T00:00%00", "to"),
        ("timezone=Mars%2FOlympus", "timezone"),
        ("events=opened;clicked", "events"),
        ("events=BOUNCE", "events"),
        ("events=bounce%27%20or%20true--", "events"),
        ("events=bounce,click&delimiter=;", "events"),
        ("page=0", "page"),
        ("page=-1", "page"),
        ("page=2.5", "page"),
        ("page=102", "page"),
        ("page=4000000000&per_page=10000", "page"),
        ("total_count=all", "total_count"),
        ("links=array", "links"),
        ("metadata.user_id=1", "metadata.user_id"),
        ("recipients=%C3%28", "recipients"),
        ("cursor=", "none"),
        ("cursor=%3D%3D", "cursor"),
        ("cursor=Initial", "cursor"),
        (
            "cursor=MTU4MDQxMzM0ODAwMCw4MjE4OTQ4MDQ3MTc3OTczMA==",
            "cursor",
        ),
    ];

    for (query, param) in cases {
        let refused = parse(query)
            .err()
            .map_or("none".into(), |error| error.param);
        assert_eq!(refused, param, "{query}");
    }
}

#[test]
fn next_page_repeats_the_request_as_it_was_written() {
    let query = "recipients=A%40x.org+,b@x.org&from=2026-11-20T00:00&unknown=&per_page=2&cursor=initial&events=click";

    let link = next_link(query);

    let (kept, _cursor) = link.rsplit_once("&cursor=").unwrap();
    assert_eq!(
        kept,
        "/api/v1/events/message?recipients=A%40x.org%20%2Cb%40x.org&from=2026-11-20T00%3A00&per_page=2&events=click"
    );
}

#[test]
fn next_page_asks_the_same_range_however_late_it_is_asked() {
    for first in [
        "events=click",
        "from=2026-11-20T00:00",
        "to=2026-11-20T14:00:00",
        "per_page=5",
    ] {
        let asked = parse(first).unwrap();

        let second = EventQuery::parse(
            &next(first),
            NOW + Duration::hours(5),
            &IndexedKeys::default(),
        )
        .unwrap();

        assert_eq!(
            (second.range, &second.filters),
            (asked.range, &asked.filters),
            "{first}"
        );
        assert_eq!(
            second.page_start(),
            PageStart::After(position(1_700_000_000))
        );
        assert_eq!(second.known_total(), Some(Total::Exactly(3)));
    }
}

#[test]
fn cursor_alone_carries_the_range() {
    let cursor = cursor_of("from=2020-01-01&to=2020-02-01&events=open");

    let (from, to) = range(&format!("events=open&cursor={cursor}"));

    assert_eq!(
        (from, to),
        (
            datetime!(2020-01-01 0:00 UTC),
            datetime!(2020-02-01 0:00 UTC)
        )
    );
}

#[test]
fn cursor_of_another_search_is_refused() {
    let cursor = cursor_of("from=2020-01-01&to=2020-02-01&events=open");

    let refused = [
        "from=2020-01-01&to=2020-02-01",
        "from=2020-01-01&to=2020-02-01&events=click",
        "from=2020-01-01&to=2020-02-01&events=open&recipients=a@x.org",
        "from=2020-01-02&to=2020-02-01&events=open",
        "from=2020-01-01&to=2020-02-02&events=open",
    ];
    for query in refused {
        assert_eq!(
            parse(&format!("{query}&cursor={cursor}"))
                .unwrap_err()
                .param,
            "cursor",
            "{query}"
        );
    }
    let same = parse(&format!(
        "to=2020-02-01T00:00Z&events=open,open&from=2020-01-01T01:00%2B01:00&cursor={cursor}"
    ));
    assert!(same.is_ok());
}

#[test]
fn page_by_number_skips_the_pages_before_it() {
    let start = |query| parse(query).unwrap().page_start();

    assert_eq!(start("page=1&per_page=10"), PageStart::Beginning);
    assert_eq!(start("page=3&per_page=10"), PageStart::Skipping(20));
    assert_eq!(start("page=101"), PageStart::Skipping(100_000));
    assert_eq!(
        start(&format!("page=3&cursor={}", cursor_of(""))),
        PageStart::After(position(1_700_000_000))
    );
}

#[test]
fn numbered_pages_lead_to_their_neighbours() {
    let links = |query, more: bool, total| {
        let more_after = more.then(|| position(1_700_000_000));
        parse(query)
            .unwrap()
            .links(Dialect::MessageEvents, more_after, total)
    };
    let without_cursor =
        |link: Option<String>| link.map(|link| link.split("&cursor=").next().unwrap().to_owned());

    let first = links("per_page=2&to=2026-11-21T06:00", true, Total::Exactly(5));
    let range = "&from=2026-11-20T12%3A00%3A00Z";
    let page = |n| {
        Some(format!(
            "/api/v1/message-events?per_page=2&to=2026-11-21T06%3A00{range}&page={n}"
        ))
    };
    assert_eq!((&first.first, &first.previous), (&None, &None));
    assert_eq!(first.last, page(3));
    assert!(first.next.as_ref().unwrap().contains("&page=2&cursor="));
    assert_eq!(without_cursor(first.next), page(2));

    let second = links(
        "per_page=2&to=2026-11-21T06:00&page=2",
        true,
        Total::AtLeast(10_000),
    );
    assert_eq!(
        (second.first, second.previous, second.last),
        (page(1), page(1), None)
    );
    assert_eq!(without_cursor(second.next), page(3));

    let third = links(
        "per_page=2&to=2026-11-21T06:00&page=3",
        false,
        Total::Exactly(5),
    );
    assert_eq!((third.first, third.previous), (page(1), page(2)));
    assert_eq!((third.next, third.last), (None, None));
}

#[test]
fn exact_total_is_counted_anew_unless_it_is_known() {
    let link = |total| {
        let query = parse("events=open").unwrap();
        let link = query
            .links(Dialect::Events, Some(position(1_700_000_000)), total)
            .next
            .unwrap();
        link.split_once('?').unwrap().1.to_owned()
    };
    let capped = link(Total::AtLeast(10_000));
    let exact = link(Total::Exactly(10_000));

    assert_eq!(
        parse(&capped).unwrap().known_total(),
        Some(Total::AtLeast(10_000))
    );
    assert_eq!(
        parse(&format!("{capped}&total_count=exact"))
            .unwrap()
            .known_total(),
        None
    );
    assert_eq!(
        parse(&format!("{exact}&total_count=exact"))
            .unwrap()
            .known_total(),
        Some(Total::Exactly(10_000))
    );
}
