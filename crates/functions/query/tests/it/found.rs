//! Everything that is stored can be searched for.

use axum::http::StatusCode;
use sqlx::PgPool;

use crate::service::{NOW, Service, TestEvent};

fn event(id: u64, event_type: &'static str) -> TestEvent {
    TestEvent::new(id, event_type, NOW.unix_timestamp() - 3_600)
}

#[sqlx::test(migrations = "../../../migrations")]
async fn any_type_that_is_stored_is_found_by_its_name(pool: PgPool) {
    let service = Service::over(&pool);
    service
        .load(&[
            event(1, "bounce"),
            event(2, "newer_than_this"),
            event(3, "Newer-Class.v2"),
        ])
        .await;

    for (types, found) in [
        ("newer_than_this", vec![2]),
        ("Newer-Class.v2", vec![3]),
        ("never_seen", vec![]),
        ("bounce,never_seen", vec![1]),
    ] {
        let answer = service.search(&format!("events={types}")).await;
        assert_eq!(answer.event_ids(), found, "{types}");
    }
    let counted = service
        .get("/api/v1/events/counts?group_by=type&events=newer_than_this,bounce")
        .await;
    assert_eq!(counted.json()["results"].as_array().unwrap().len(), 2);
    let refused = service.search("events=bounce;open").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
}

/// Texts of many alphabets, with their white space and dashes, each with the members that hold it.
const TEXTS: [&str; 10] = [
    "Été – Soldes",
    "ΟΔΟΣ Σίσυφος",
    "Привет,\u{a0}МИР",
    "Straße\u{202f}Öl",
    "夏\u{3000}セール",
    "Winter—Sale",
    "Ÿ\u{2009}ǅ Ǌ",
    "İzmir Ilık",
    "Black-Friday_2026",
    "a\u{b}b\u{c}c\u{85}d",
];

/// Members that are compared by words.
const MEMBERS: [(&str, &str); 8] = [
    ("subject", "subjects"),
    ("reason", "reasons"),
    ("campaign_id", "campaigns"),
    ("template_id", "templates"),
    ("ip_pool", "ip_pools"),
    ("ab_test_id", "ab_tests"),
    ("mailbox_provider", "mailbox_providers"),
    ("mailbox_provider_region", "mailbox_provider_regions"),
];

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

async fn assert_found(service: &Service, id: u64, parameter: &str, text: &str) {
    let query = format!("{parameter}={}&delimiter=;", encoded(text));
    let found = service.search(&query).await.event_ids();
    assert!(found.contains(&id), "{parameter}={text:?} finds {found:?}");
}

/// A word of a text, without the letters whose case does not round-trip.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || "-_–\u{2014}".contains(c))
        .filter(|word| !word.is_empty())
}

#[sqlx::test(migrations = "../../../migrations")]
async fn words_are_found_by_what_was_stored_in_any_case(pool: PgPool) {
    let service = Service::over(&pool);
    let events: Vec<_> = (0..)
        .zip(TEXTS)
        .map(|(id, text)| {
            MEMBERS
                .iter()
                .fold(event(id, "bounce"), |event, (member, ..)| {
                    event.with(member, text)
                })
        })
        .collect();
    service.load(&events).await;

    for (id, text) in (0..).zip(TEXTS) {
        for (_, parameter) in MEMBERS {
            assert_found(&service, id, parameter, text).await;
            assert_found(&service, id, parameter, &text.to_lowercase()).await;
            for word in words(text) {
                assert_found(&service, id, parameter, word).await;
            }
            // The upper case of a sharp s is two letters, that of a dotless i another letter.
            if !text.contains(['ß', 'ı']) {
                assert_found(&service, id, parameter, &text.to_uppercase()).await;
            }
        }
        if text.is_ascii() {
            assert_found(&service, id, "reason", &text.to_uppercase()).await;
        }
        let part: String = text.chars().skip(1).take(3).collect();
        assert_found(&service, id, "reason", part.trim()).await;
    }
}

#[sqlx::test(migrations = "../../../migrations")]
async fn addresses_are_found_in_any_case_and_dress(pool: PgPool) {
    let service = Service::over(&pool);
    let addresses = [
        "user@example.org",
        "USER2@EXAMPLE.COM",
        "o.brien@Example.ORG",
        "Name Of <Some.One@Example.net>",
        "\"A <b>\" <ÉTÉ@Bücher.example>",
    ];
    let events: Vec<_> = (0..)
        .zip(addresses)
        .map(|(id, address)| {
            event(id, "delivery")
                .with("rcpt_to", address)
                .with("friendly_from", address)
        })
        .collect();
    service.load(&events).await;

    for (id, address) in (0..).zip(addresses) {
        let inner = address
            .rsplit_once('<')
            .map_or(address, |(_, rest)| &rest[..rest.len() - 1]);
        for asked in [address, inner] {
            for asked in [asked.to_owned(), asked.to_lowercase(), asked.to_uppercase()] {
                for parameter in ["recipients", "from_addresses"] {
                    let query = format!("{parameter}={}", encoded(&asked));
                    let found = service.search(&query).await.event_ids();
                    assert_eq!(found, [id], "{parameter}={asked}");
                }
            }
        }
        let (_, domain) = inner.split_once('@').unwrap();
        for parameter in ["recipient_domains", "sending_domains"] {
            assert_found(&service, id, parameter, &domain.to_uppercase()).await;
        }
    }
}
