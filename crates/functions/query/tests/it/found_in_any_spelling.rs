//! Every stored event is found by its values, in any case and with any white space and dashes, through every parameter
//! that narrows a search. Rows whose columns were filled before normalization are found like all others.

use std::collections::BTreeSet;

use event_query::parameter_names;
use event_store::Maintenance;
use proptest::{
    prelude::*,
    sample::select,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::service::{NOW, Service, TestEvent};

const EVENTS: usize = 12;

/// Has a meaning of its own in a URI, so it is not part of a value.
const DELIMITER: &str = "delimiter=%3B%3B";

/// Compared by words or as addresses, in any case and with any white space and dashes.
const FOLDED: [(&str, &str, Kind); 13] = [
    ("recipients", "rcpt_to", Kind::Address),
    ("from_addresses", "friendly_from", Kind::Address),
    ("recipient_domains", "recipient_domain", Kind::Domain),
    ("sending_domains", "sending_domain", Kind::Domain),
    ("subjects", "subject", Kind::Text),
    ("reasons", "reason", Kind::Text),
    ("reason", "reason", Kind::Text),
    ("campaigns", "campaign_id", Kind::Text),
    ("templates", "template_id", Kind::Text),
    ("ip_pools", "ip_pool", Kind::Text),
    ("ab_tests", "ab_test_id", Kind::Text),
    ("mailbox_providers", "mailbox_provider", Kind::Text),
    (
        "mailbox_provider_regions",
        "mailbox_provider_region",
        Kind::Text,
    ),
];

/// Compared byte by byte.
const EXACT: [(&str, &str); 6] = [
    ("messages", "message_id"),
    ("transmissions", "transmission_id"),
    ("ab_test_versions", "ab_test_version"),
    ("sending_ips", "sending_ip"),
    ("tags", "rcpt_tags"),
    ("metadata.user_id", "rcpt_meta"),
];

/// Numbers and names, which the random texts are not valid for.
const OTHERS: [(&str, &str); 5] = [
    ("event_ids", ""),
    ("events", "bounce"),
    ("bounce_classes", "10"),
    ("subaccounts", "7"),
    ("provider", "sparkpost"),
];

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Text,
    Domain,
    Address,
}

const SPACES: [&str; 8] = [
    " ", "\u{a0}", "\u{202f}", "\u{3000}", "\u{2003}", "\t", "\u{b}", "\u{85}",
];
const DASHES: [&str; 6] = [
    "-", "\u{2013}", "\u{2014}", "\u{2212}", "\u{ff0d}", "\u{2010}",
];

fn word() -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        prop::char::range('a', 'z'),
        prop::char::range('A', 'Z'),
        prop::char::range('0', '9'),
        prop::char::range('\u{c0}', '\u{d6}'),
        prop::char::range('\u{e0}', '\u{f6}'),
        prop::char::range('\u{391}', '\u{3a1}'),
        prop::char::range('\u{410}', '\u{44f}'),
        prop::char::range('\u{10a0}', '\u{10c5}'),
        prop::char::range('\u{1c4}', '\u{1cc}'),
        prop::char::range('\u{30a1}', '\u{30aa}'),
        Just('ς'),
        Just('ß'),
        Just('İ'),
    ];
    prop::collection::vec(letter, 1..6).prop_map(String::from_iter)
}

fn text() -> impl Strategy<Value = String> {
    let between = prop_oneof![
        select(&SPACES[..]),
        select(&DASHES[..]),
        Just("_"),
        Just(" - ")
    ];
    prop::collection::vec((word(), between), 1..4).prop_map(|pieces| {
        let joined: String = pieces
            .iter()
            .flat_map(|(word, between)| [word.as_str(), between])
            .collect();
        let last = pieces.last().map_or(0, |(_, between)| between.len());
        joined[..joined.len() - last].to_owned()
    })
}

fn value(kind: Kind) -> BoxedStrategy<String> {
    let domain = (word(), word(), select(vec![".", "\u{3002}", "\u{ff0e}"]))
        .prop_map(|(host, top, dot)| format!("{host}{dot}{top}"))
        .boxed();
    let address = (word(), domain.clone())
        .prop_map(|(user, domain)| format!("{user}@{domain}"))
        .boxed();
    match kind {
        Kind::Text => text().boxed(),
        Kind::Domain => domain.boxed(),
        Kind::Address => prop_oneof![
            address.clone(),
            (word(), address.clone())
                .prop_map(|(name, address)| format!("\"{name} <x>\" <{address}>")),
            address.prop_map(|address| format!(" {address} ")),
        ]
        .boxed(),
    }
}

/// The same text in other spellings.
fn spellings(text: &str, kind: Kind) -> Vec<String> {
    let one_letter =
        |letters: &mut dyn Iterator<Item = char>, c: char| match (letters.next(), letters.next()) {
            // A spelling that folds to the same text: the upper case of a dotless i would not.
            (Some(other), None) if other.is_ascii() == c.is_ascii() => other,
            _ => c,
        };
    let upper = |c: char| one_letter(&mut c.to_uppercase(), c);
    let lower = |c: char| one_letter(&mut c.to_lowercase(), c);
    let other_signs = |c: char| {
        if kind != Kind::Text {
            return c;
        }
        let text = c.to_string();
        let next = |signs: &[&'static str]| {
            let place = signs.iter().position(|sign| *sign == text)?;
            signs[(place + 1) % signs.len()].chars().next()
        };
        next(&SPACES).or_else(|| next(&DASHES)).unwrap_or(c)
    };
    vec![
        text.to_owned(),
        text.chars().map(upper).collect(),
        text.chars().map(lower).collect(),
        text.chars()
            .enumerate()
            .map(|(place, c)| if place % 2 == 0 { upper(c) } else { lower(c) })
            .collect(),
        text.chars().map(other_signs).collect(),
    ]
}

fn sample<S: Strategy>(runner: &mut TestRunner, strategy: &S) -> S::Value {
    strategy.new_tree(runner).unwrap().current()
}

fn events(runner: &mut TestRunner) -> Vec<TestEvent> {
    let exact = prop_oneof![text(), text().prop_map(|text| format!(" {text}\t"))];
    (0..)
        .take(EVENTS)
        .map(|id| {
            let mut event = TestEvent::new(id, "bounce", NOW.unix_timestamp() - 3_600)
                .with("bounce_class", "10")
                .with("subaccount_id", 7);
            // `reason` supports two parameters; its value is generated for the last.
            for (_, member, kind) in FOLDED {
                event = event.with(member, sample(runner, &value(kind)));
            }
            for (_, member) in EXACT {
                let text = sample(runner, &exact);
                event = event.with(
                    member,
                    match member {
                        "rcpt_tags" => json!([text]),
                        "rcpt_meta" => json!({ "user_id": text }),
                        _ => text.into(),
                    },
                );
            }
            event
        })
        .collect()
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

async fn assert_found(service: &Service, id: u64, parameter: &str, asked: &str, beside: &str) {
    let query = format!("{parameter}={}&{DELIMITER}{beside}", encoded(asked));
    let found = service.search(&query).await.event_ids();
    assert!(
        found.contains(&id),
        "{parameter}={asked:?} finds {found:?} and not {id}"
    );
}

async fn assert_all_found(service: &Service, events: &[TestEvent]) {
    for event in events {
        for (parameter, member, kind) in FOLDED {
            let stored = event.members[member].as_str().unwrap();
            for asked in spellings(stored, kind) {
                assert_found(service, event.id, parameter, &asked, "").await;
                assert_found(service, event.id, parameter, &asked, "&match=exact").await;
            }
        }
        for (parameter, member) in EXACT {
            let stored = match &event.members[member] {
                Value::Array(tags) => &tags[0],
                Value::Object(metadata) => &metadata["user_id"],
                text => text,
            };
            let test = event.members["ab_test_id"].as_str().unwrap();
            let beside = match parameter {
                "ab_test_versions" => format!("&ab_tests={}", encoded(test)),
                _ => String::new(),
            };
            assert_found(
                service,
                event.id,
                parameter,
                stored.as_str().unwrap(),
                &beside,
            )
            .await;
        }
        for (parameter, asked) in OTHERS {
            let id = event.id.to_string();
            let asked = if asked.is_empty() { &id } else { asked };
            assert_found(service, event.id, parameter, asked, "").await;
        }
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn whatever_is_stored_is_found_by_what_was_stored(pool: PgPool) {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"the same events in every run....");
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let events = events(&mut runner);
    let service = Service::over(&pool);
    service.load(&events).await;

    assert_all_found(&service, &events).await;

    // As columns were filled before normalization; first without the index of such rows, then with it.
    sqlx::raw_sql(
        "update email_events set
             rcpt_to = event->>'rcpt_to', friendly_from = event->>'friendly_from', subject = event->>'subject',
             reason = event->>'reason', campaign_id = event->>'campaign_id', template_id = event->>'template_id',
             recipient_domain = event->>'recipient_domain', sending_domain = event->>'sending_domain'",
    )
    .execute(&pool)
    .await
    .unwrap();
    assert_all_found(&service, &events).await;

    let maintenance = Maintenance {
        now: NOW,
        retention: None,
        partitions_ahead: 0,
        metadata_keys: Vec::new(),
        removes: true,
    };
    let report = service.store.maintain(&maintenance).await.unwrap();
    assert!(
        report
            .indexes_created
            .iter()
            .any(|index| index.ends_with("_unfolded_idx")),
        "{report:?}"
    );
    assert_all_found(&service, &events).await;
}

/// Every parameter must be in one of the tables above.
#[test]
fn every_parameter_that_narrows_a_search_is_looked_at() {
    let no_filters = [
        "columns",
        "csv",
        "cursor",
        "delimiter",
        "format",
        "from",
        "links",
        "match",
        "page",
        "per_page",
        "timezone",
        "to",
        "total_count",
    ];
    let older = [
        "ab_test_ids",
        "campaign_ids",
        "friendly_froms",
        "message_ids",
        "template_ids",
        "transmission_ids",
    ];
    let looked_at: BTreeSet<_> = FOLDED
        .map(|(name, ..)| name)
        .into_iter()
        .chain(EXACT.map(|(name, _)| name))
        .chain(OTHERS.map(|(name, _)| name))
        .chain(no_filters)
        .chain(older)
        .filter(|name| *name != "metadata.user_id")
        .collect();

    assert_eq!(looked_at, parameter_names().collect());
}
