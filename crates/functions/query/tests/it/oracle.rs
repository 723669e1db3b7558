//! Random searches over random events, compared with a simple filter.

use std::fmt::Write;

use event_query::EventQuery;
use proptest::{
    prelude::*,
    sample::{select, subsequence},
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use sqlx::PgPool;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::service::{NOW, Service, TestEvent, ids_newest_first, indexed_keys};

const EVENT_COUNT: usize = 1_500;
const SEARCH_COUNT: usize = 200;

const TYPES: [&str; 5] = ["bounce", "click", "delivery", "injection", "spam_complaint"];
/// A range that a few weeks' partitions cover.
const OLDEST: i64 = 1_792_800_000;
const NEWEST: i64 = 1_795_260_000;

/// How a parameter compares a member of an event.
#[derive(Debug, Clone, Copy)]
enum Compares {
    Exactly,
    /// Ignores case.
    Folded,
    /// Whole words; the flag says whether a period ends one.
    Words(bool),
    AnyPart,
    /// Elements of a list.
    Elements,
}

/// Parameters, the members they compare, and their values: many that events have, and some that none has.
const PARAMETERS: [(&str, &str, Compares, &[&str]); 20] = [
    (
        "recipients",
        "rcpt_to",
        Compares::Folded,
        &["User-1@Example.com", "user-2@example.com", "x@y.z"],
    ),
    (
        "event_ids",
        "event_id",
        Compares::Exactly,
        &["1", "20", "300", "9999"],
    ),
    (
        "messages",
        "message_id",
        Compares::Exactly,
        &["m-1", "M-1", "m-2"],
    ),
    (
        "transmission_ids",
        "transmission_id",
        Compares::Exactly,
        &["1", "2", "01"],
    ),
    (
        "from_addresses",
        "friendly_from",
        Compares::Folded,
        &["News@example.com", "shop@example.org", "news"],
    ),
    (
        "sending_ips",
        "sending_ip",
        Compares::Exactly,
        &["10.0.0.1", "10.0.0.2", "10.0.0"],
    ),
    (
        "subjects",
        "subject",
        Compares::Words(false),
        &["reset", "Reset your", "your password", "deals!", "order-12"],
    ),
    (
        "reasons",
        "reason",
        Compares::Words(false),
        &["5.4.7", "550 5.1.1", "full", "mailbox_full", "5"],
    ),
    (
        "reason",
        "reason",
        Compares::AnyPart,
        &["5.1", "BOX f", "50%", "_"],
    ),
    (
        "campaigns",
        "campaign_id",
        Compares::Words(false),
        &["friday", "blackfriday", "black-friday", "specials 2026"],
    ),
    (
        "template_ids",
        "template_id",
        Compares::Words(false),
        &["welcome", "welcome_b", "B"],
    ),
    (
        "recipient_domains",
        "recipient_domain",
        Compares::Words(true),
        &["example.com", "example", "com", "e.com"],
    ),
    (
        "sending_domains",
        "sending_domain",
        Compares::Words(true),
        &["example.com", "info.example", "uk"],
    ),
    (
        "ip_pools",
        "ip_pool",
        Compares::Words(false),
        &["shared", "pool", "warm up"],
    ),
    (
        "mailbox_providers",
        "mailbox_provider",
        Compares::Words(false),
        &["gmail", "Hotmail / Outlook"],
    ),
    (
        "mailbox_provider_regions",
        "mailbox_provider_region",
        Compares::Words(false),
        &["us", "North America"],
    ),
    (
        "ab_tests",
        "ab_test_id",
        Compares::Words(false),
        &["subject", "test"],
    ),
    (
        "provider",
        "provider",
        Compares::Exactly,
        &["postmark", "resend"],
    ),
    (
        "tags",
        "rcpt_tags",
        Compares::Elements,
        &["vip", "DE", "none"],
    ),
    (
        "metadata.user_id",
        "rcpt_meta",
        Compares::Exactly,
        &["1", "2", "true"],
    ),
];

/// A search before it becomes a query string.
#[derive(Debug, Clone)]
struct Search {
    from: i64,
    to: i64,
    types: Vec<&'static str>,
    bounce_classes: Vec<i16>,
    subaccounts: Vec<i32>,
    /// An index into `PARAMETERS` and the values.
    narrowed_by: Vec<(usize, Vec<&'static str>)>,
    per_page: usize,
}

impl Search {
    fn to_query(&self) -> String {
        let time = |unix| {
            OffsetDateTime::from_unix_timestamp(unix)
                .unwrap()
                .format(&Rfc3339)
                .unwrap()
        };
        let mut query = format!(
            "delimiter=;&from={}&to={}&events={}&bounce_classes={}&subaccounts={}&per_page={}",
            time(self.from),
            time(self.to),
            self.types.join(";"),
            list(&self.bounce_classes),
            list(&self.subaccounts),
            self.per_page
        );
        for (parameter, values) in &self.narrowed_by {
            let (name, ..) = PARAMETERS[*parameter];
            let values = percent_encoding::utf8_percent_encode(
                &values.join(";"),
                percent_encoding::NON_ALPHANUMERIC,
            )
            .to_string();
            write!(query, "&{name}={values}").unwrap();
        }
        query
    }

    fn finds(&self, event: &TestEvent) -> bool {
        let is_one_of = |wanted: &[i64], found: i64| wanted.is_empty() || wanted.contains(&found);
        let number = |name: &str, default: i64| {
            event
                .members
                .get(name)
                .map_or(default, |value| value.as_str().unwrap().parse().unwrap())
        };
        let classes: Vec<i64> = self.bounce_classes.iter().copied().map(i64::from).collect();
        let subaccounts: Vec<i64> = self.subaccounts.iter().copied().map(i64::from).collect();

        self.from <= event.unix_seconds
            && event.unix_seconds < self.to
            && (self.types.is_empty() || self.types.contains(&event.event_type))
            && is_one_of(&classes, number("bounce_class", -1))
            && is_one_of(&subaccounts, number("subaccount_id", 0))
            && self
                .narrowed_by
                .iter()
                .all(|(parameter, values)| matches(event, *parameter, values))
    }
}

fn list(values: &[impl ToString]) -> String {
    values
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(";")
}

fn matches(event: &TestEvent, parameter: usize, wanted: &[&str]) -> bool {
    let (name, member, compares, _) = PARAMETERS[parameter];
    let found = match (name, member) {
        ("metadata.user_id", _) => event
            .members
            .get(member)
            .map_or(Value::Null, |meta| meta["user_id"].clone()),
        (_, "event_id") => event.id.to_string().into(),
        (_, "recipient_domain") => domain(event, "rcpt_to"),
        (_, "sending_domain") => domain(event, "friendly_from"),
        _ => event.members.get(member).cloned().unwrap_or_default(),
    };
    let elements = found.as_array().cloned().unwrap_or_default();
    let text = match found {
        Value::String(text) => text,
        Value::Null | Value::Array(_) => {
            return elements
                .iter()
                .any(|tag| wanted.contains(&tag.as_str().unwrap()));
        }
        other => other.to_string(),
    };

    wanted.iter().any(|wanted| match compares {
        Compares::Exactly => text == *wanted,
        Compares::Folded => text.to_lowercase() == wanted.to_lowercase(),
        Compares::AnyPart => text.to_lowercase().contains(&wanted.to_lowercase()),
        Compares::Words(at_periods) => {
            let (text, wanted) = (words(&text, at_periods), words(wanted, at_periods));
            text.windows(wanted.len()).any(|window| window == wanted)
        }
        Compares::Elements => false,
    })
}

fn domain(event: &TestEvent, member: &str) -> Value {
    let address = event.members.get(member).and_then(Value::as_str);
    address
        .and_then(|address| address.split_once('@'))
        .map_or(Value::Null, |(_, domain)| domain.into())
}

fn words(text: &str, at_periods: bool) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| c.is_whitespace() || c == '-' || c == '_' || (c == '.' && at_periods))
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Each member and the values that events have in it; `null` is for events without it.
fn members() -> [(&'static str, Vec<Value>); 16] {
    [
        ("bounce_class", vec![json!(null), json!("10"), json!("30")]),
        ("subaccount_id", vec![json!(null), json!("0"), json!("7")]),
        ("message_id", vec![json!(null), json!("m-1"), json!("m-2")]),
        ("transmission_id", vec![json!(null), json!("1"), json!("2")]),
        (
            "friendly_from",
            vec![
                json!("news@Example.com"),
                json!("shop@example.org"),
                json!("a@info.example.com.uk"),
            ],
        ),
        (
            "sending_ip",
            vec![json!(null), json!("10.0.0.1"), json!("10.0.0.11")],
        ),
        (
            "subject",
            vec![
                json!("Reset your password"),
                json!("your  order - 12"),
                json!("Summer-deals!"),
                json!(""),
            ],
        ),
        (
            "reason",
            vec![
                json!(null),
                json!("550 5.1.1 unknown\r\n"),
                json!("MailBox-full, 50%"),
                json!("5.4.7 (expired)"),
            ],
        ),
        (
            "campaign_id",
            vec![
                json!("blackfriday-specials_2026"),
                json!("black_friday"),
                json!("friday-20181214"),
            ],
        ),
        (
            "template_id",
            vec![json!(null), json!("welcome"), json!("welcome-b")],
        ),
        ("ip_pool", vec![json!("shared"), json!("Warm-Up pool")]),
        (
            "mailbox_provider",
            vec![json!("Gmail"), json!("Hotmail / Outlook"), json!("GmailX")],
        ),
        (
            "mailbox_provider_region",
            vec![json!(null), json!("North America - US")],
        ),
        ("ab_test_id", vec![json!(null), json!("subject-test")]),
        ("provider", vec![json!(null), json!("postmark")]),
        (
            "rcpt_tags",
            vec![json!(["vip", "DE"]), json!(["DE"]), json!([])],
        ),
    ]
}

fn metadata() -> Vec<Value> {
    vec![
        json!({"user_id": "1"}),
        json!({"user_id": 2}),
        json!({"user_id": true}),
        json!({}),
        json!([]),
    ]
}

fn events() -> impl Strategy<Value = Vec<TestEvent>> {
    let payload = members().map(|(_, values)| select(values));
    let event = (select(&TYPES[..]), seconds(), payload, select(metadata()));

    prop::collection::vec(event, EVENT_COUNT).prop_map(|events| {
        let names = members().map(|(name, _)| name);
        (0..)
            .zip(events)
            .map(|(id, (event_type, seconds, payload, metadata))| {
                let event = TestEvent::new(id, event_type, seconds).with("rcpt_meta", metadata);
                let present = names
                    .into_iter()
                    .zip(payload)
                    .filter(|(_, value)| !value.is_null());
                present.fold(event, |event, (name, value)| event.with(name, value))
            })
            .collect()
    })
}

prop_compose! {
    fn searches()(
        ends in [seconds(), seconds()],
        is_narrow in prop::bool::weighted(0.2),
        types in subsequence(TYPES.to_vec(), 0..=3),
        bounce_classes in subsequence(vec![10, 30, 99], 0..=1),
        subaccounts in subsequence(vec![0, 7, 8], 0..=2),
        parameters in subsequence((0..PARAMETERS.len()).collect::<Vec<_>>(), 0..=2),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 6),
        per_page in select(vec![1, 7, 100, 10_000]),
    ) -> Search {
        let (from, to) = if is_narrow { (ends[0].min(ends[1]), ends[0].max(ends[1])) } else { (OLDEST, NEWEST) };
        let narrowed_by = parameters
            .into_iter()
            .zip(picks.chunks(3))
            .map(|(parameter, picks)| {
                let (name, .., values) = PARAMETERS[parameter];
                // This one is not a list.
                let count = if name == "reason" { 1 } else { 1 + picks[0].index(2) };
                (parameter, picks[1..=count].iter().map(|pick| values[pick.index(values.len())]).collect())
            })
            .collect();
        // Several of these together match nothing.
        let (types, bounce_classes) = if is_narrow { (types, vec![]) } else { (vec![], bounce_classes) };
        Search { from, to, types, bounce_classes, subaccounts, narrowed_by, per_page }
    }
}

/// Times often repeat, so that the key decides the order, and the ends of a range are times of events.
fn seconds() -> impl Strategy<Value = i64> {
    (OLDEST..NEWEST).prop_map(|second| second - second % 40_000)
}

#[sqlx::test(migrations = "../../../migrations")]
async fn postgres_answers_what_a_naive_filter_does(pool: PgPool) {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"the same searches in every run..");
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let events = events().new_tree(&mut runner).unwrap().current();
    let service = Service::over(&pool);
    service.load(&events).await;

    let mut found_something = 0;
    for _ in 0..SEARCH_COUNT {
        let search = searches().new_tree(&mut runner).unwrap().current();
        let expected = ids_newest_first(events.iter().filter(|event| search.finds(event)));
        found_something += usize::from(!expected.is_empty());

        let first = service.search(&search.to_query()).await;
        let on_first_page = expected.len().min(search.per_page);
        assert_eq!(first.event_ids(), expected[..on_first_page], "{search:?}");
        assert_eq!(
            first.total_count(),
            u64::try_from(expected.len()).unwrap(),
            "{search:?}"
        );
        assert_eq!(
            first.next().is_some(),
            expected.len() > search.per_page,
            "{search:?}"
        );

        if let Some(next) = first.next() {
            let on_both = expected.len().min(2 * search.per_page);
            let second = service.get(&next).await;
            assert_eq!(
                second.event_ids(),
                expected[on_first_page..on_both],
                "{search:?}"
            );
            let by_number = service
                .search(&format!("{}&page=2", search.to_query()))
                .await;
            assert_eq!(by_number.event_ids(), second.event_ids(), "{search:?}");
        }
        for cap in [None, Some(10_001)] {
            assert_eq!(
                count(&service, &search, cap).await,
                u64::try_from(expected.len()).unwrap(),
                "{search:?}"
            );
        }
    }
    assert!(
        found_something > SEARCH_COUNT / 3,
        "only {found_something} searches found anything"
    );
}

async fn count(service: &Service, search: &Search, cap: Option<u32>) -> u64 {
    let query = EventQuery::parse(&search.to_query(), NOW, &indexed_keys()).unwrap();
    service
        .store
        .count(&query.count_statement(cap))
        .await
        .unwrap()
}
